/** Route reflection (RFC 4456): which routes of internal peers are passed on to which others, and what is noted on them. */
import type { PathAttributes } from '../wire/message.ts';
import type { Source } from './route.ts';

/** Of those who are sent something. */
export interface Reflection {
  readonly toClients: boolean;
  /** CLUSTER_ID, unsigned 32-bit. */
  readonly clusterId: number;
}

/**
 * RFC 4456 §6: from a client to every internal peer, from any other to clients.
 *
 * ```
 *   from \ to    client   non-client
 *   client       yes      yes
 *   non-client   yes      no
 * ```
 */
export const isReflected = ({ isReflectorClient }: Source, to: Reflection | undefined): boolean =>
  to !== undefined && (isReflectorClient || to.toClients);

/** RFC 4456 §8: who brought the route into the AS, unless that is noted already, and our cluster in front of those it has passed. */
export function reflected(attributes: PathAttributes, source: Source, { clusterId }: Reflection): PathAttributes {
  return {
    ...attributes,
    originatorId: attributes.originatorId ?? source.routerId,
    clusterList: [clusterId, ...attributes.clusterList],
  };
}

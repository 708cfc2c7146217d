/** What makes a received route unfit whatever its prefix: loops (RFC 4271 §9, RFC 4456 §8) and leaks (RFC 9234 §5). */
import type { PathAttributes } from '../wire/message.ts';
import { leakIn } from './otc.ts';
import type { Source } from './route.ts';

export interface LoopContext {
  /** AS number that we use towards this peer. */
  readonly localAsn: number;
  /** Times it may stand in the path. */
  readonly allowLocalAs: number;
  /** Our BGP identifier, unsigned 32-bit. */
  readonly routerId: number;
  /** Unsigned 32-bit. */
  readonly clusterId: number;
}

/** Why a route with these attributes is refused; undefined: it may be used. */
export const unfitness = (attributes: PathAttributes, context: LoopContext, source: Pick<Source, 'role' | 'asn'>): string | undefined =>
  loopIn(attributes, context) ?? leakIn(attributes, source.role, source.asn);

/** Why a route with these attributes has been here before; undefined: no loop. */
export function loopIn(attributes: PathAttributes, context: LoopContext): string | undefined {
  let seen = 0;
  for (const segment of attributes.asPath) {
    for (const asn of segment.asns) if (asn === context.localAsn) seen++;
  }
  if (seen > context.allowLocalAs) return 'own AS in AS_PATH';
  if (attributes.originatorId === context.routerId) return 'own router ID in ORIGINATOR_ID';
  if (attributes.clusterList.includes(context.clusterId)) return 'own cluster ID in CLUSTER_LIST';
  return undefined;
}

/** Loop detection: what makes a received route unfit whatever its prefix (RFC 4271 §9, RFC 4456 §8). */
import type { PathAttributes } from '../wire/message.ts';

export interface LoopContext {
  /** AS number that we use towards this peer. */
  readonly localAsn: number;
  /** Times it may stand in the path. */
  readonly allowLocalAs: number;
  /** Our BGP identifier, which is our cluster ID too; unsigned 32-bit. */
  readonly routerId: number;
}

/** Why a route with these attributes is refused; undefined: no loop. */
export function loopIn(attributes: PathAttributes, context: LoopContext): string | undefined {
  let seen = 0;
  for (const segment of attributes.asPath) {
    for (const asn of segment.asns) if (asn === context.localAsn) seen++;
  }
  if (seen > context.allowLocalAs) return 'own AS in AS_PATH';
  if (attributes.originatorId === context.routerId) return 'own router ID in ORIGINATOR_ID';
  if (attributes.clusterList.includes(context.routerId)) return 'own cluster ID in CLUSTER_LIST';
  return undefined;
}

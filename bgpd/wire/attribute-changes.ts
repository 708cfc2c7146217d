/** New attributes from old ones: what export and origination need. Each returns a plain object, not an interned one. */
import { asPathLengthOf, prependToAsPath } from './as-path.ts';
import type { PathAttributes } from './message.ts';

/** A route of our own: ORIGIN IGP, an empty AS path, nothing else. */
export const ORIGINATED: PathAttributes = Object.freeze({
  origin: 0, asPath: [], asPathLength: 0, med: undefined, localPref: undefined, atomicAggregate: false, aggregator: undefined,
  communities: [], extendedCommunities: [], largeCommunities: [], otc: undefined, originatorId: undefined, clusterList: [], unknown: [],
});

/** For an external peer (RFC 4271 §5.1.2): `asn` in front of the path, `times` times. */
export function prependAs(attributes: PathAttributes, asn: number, times = 1): PathAttributes {
  const asPath = prependToAsPath(attributes.asPath, asn, times);
  return { ...attributes, asPath, asPathLength: asPathLengthOf(asPath) };
}

export const withLocalPref = (attributes: PathAttributes, localPref: number): PathAttributes => ({ ...attributes, localPref });

/** In ascending order, each once: one set of communities has one form. */
export const withCommunities = (attributes: PathAttributes, communities: readonly number[]): PathAttributes =>
  ({ ...attributes, communities: [...new Set(communities)].sort((a, b) => a - b) });

/** AS numbers that are taken out of paths, or replaced, before a neighbour gets them. */
import { asPathLengthOf } from '../wire/as-path.ts';
import type { AsPathSegment, PathAttributes } from '../wire/message.ts';

/** RFC 6996 §5. */
const isPrivate = (asn: number): boolean => (asn >= 64_512 && asn <= 65_534) || (asn >= 4_200_000_000 && asn <= 4_294_967_294);

/** Without private AS numbers, but for `kept`: a neighbour must find its own, or it would not see loops. */
export function withoutPrivateAsns(attributes: PathAttributes, kept: number): PathAttributes {
  return edited(attributes, (asn) => (isPrivate(asn) && asn !== kept ? undefined : asn));
}

/** So that a neighbour accepts what another site with its AS number announces. */
export const withReplacedAsn = (attributes: PathAttributes, asn: number, by: number): PathAttributes =>
  edited(attributes, (each) => (each === asn ? by : each));

/** Segments that are left empty go. */
function edited(attributes: PathAttributes, edit: (asn: number) => number | undefined): PathAttributes {
  const segments = attributes.asPath.map(({ type, asns }): AsPathSegment => ({ type, asns: asns.map(edit).filter((asn) => asn !== undefined) }));
  const asPath = segments.filter(({ asns }) => asns.length > 0);
  return { ...attributes, asPath, asPathLength: asPathLengthOf(asPath) };
}

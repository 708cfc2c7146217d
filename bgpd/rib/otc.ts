/**
 * Route leaks (RFC 9234 §5): the Only-to-Customer attribute on what comes from and goes to peers with whom roles are agreed.
 *
 * ```
 *   our role               on the way in                               on the way out
 *   provider, RS           with OTC: a leak                            OTC is added
 *   customer, RS client    OTC of the peer's AS is added               with OTC: not sent
 *   peer                   OTC of another AS: a leak; else it is added   with OTC: not sent; else it is added
 * ```
 */
import type { BgpRole } from '../../config/messages/speaker-config.ts';
import type { PathAttributes } from '../wire/message.ts';

/** What an AS below us must not tell us; what we hear from above and beside is for those below. */
const IS_ABOVE: Readonly<Record<BgpRole, boolean>> = {
  'provider': true, 'route-server': true, 'peer': false, 'customer': false, 'route-server-client': false,
};

/** Why a route is a leak; undefined: it is none. `peerAsn`: of the peer that sent it. */
export function leakIn({ otc }: PathAttributes, role: BgpRole | undefined, peerAsn: number): string | undefined {
  if (otc === undefined || role === undefined) return undefined;
  if (IS_ABOVE[role]) return `route leak: OTC ${otc} from a ${role === 'provider' ? 'customer' : 'route server client'}`;
  if (role === 'peer' && otc !== peerAsn) return `route leak: OTC ${otc} from a peer of AS ${peerAsn}`;
  return undefined;
}

/** What must be noted on a route received; undefined: nothing. */
export const otcToAdd = ({ otc }: PathAttributes, role: BgpRole | undefined, peerAsn: number): number | undefined =>
  (otc === undefined && role !== undefined && !IS_ABOVE[role] ? peerAsn : undefined);

/** Whether routes with OTC are kept from a neighbour towards whom we have this role. */
export const isForCustomersOnly = (role: BgpRole | undefined): boolean => role !== undefined && !IS_ABOVE[role];

/** As it goes out to a customer, a peer or a route server's client. */
export function withOtc(attributes: PathAttributes, role: BgpRole | undefined, localAsn: number): PathAttributes {
  const isAdded = role !== undefined && attributes.otc === undefined && (IS_ABOVE[role] || role === 'peer');
  return isAdded ? { ...attributes, otc: localAsn } : attributes;
}

/** What one session is to offer and to accept: the parts of the configuration that its machine needs. */
import type { BgpRole, GlobalSection, PeerConfig, RemoteAs } from '../../config/messages/speaker-config.ts';
import { FAMILIES, familyOf, type Family } from '../../lib/ip/prefix.ts';
import { parseIp } from '../../lib/ip/text.ts';

export interface SessionSettings {
  readonly localAsn: number;
  readonly peerAsn: RemoteAs;
  /** BGP identifier, unsigned 32-bit, not 0. */
  readonly routerId: number;
  readonly families: readonly Family[];
  /** Offered: 0 or 3..65535. */
  readonly holdTimeSeconds: number;
  /** Longest wanted interval; a third of the hold time when absent. */
  readonly keepaliveSeconds: number | undefined;
  /** Longest interval between attempts to connect. */
  readonly connectRetrySeconds: number;
  readonly passive: boolean;
  /** Restart time we advertise, seconds 0..4095; undefined: the capability is not sent. */
  readonly restartTimeSeconds: number | undefined;
  /** The N bit (RFC 8538), as part of the graceful restart capability. */
  readonly notificationRestart: boolean;
  /** Long-lived stale time we advertise, seconds (RFC 9494); undefined: the capability is not sent. */
  readonly longLivedStaleSeconds: number | undefined;
  /** RFC 7911; undefined: the capability is not sent. */
  readonly addPath: { readonly send: boolean; readonly receive: boolean } | undefined;
  /** RFC 8950. */
  readonly extendedNextHop: boolean;
  /** RFC 8654. */
  readonly extendedMessages: boolean;
  /** RFC 9234; undefined when there is none, and for a neighbour that is known to be internal. */
  readonly role: { readonly local: BgpRole; readonly strict: boolean } | undefined;
}

export const isExternalTo = (localAsn: number, asn: number): boolean => asn !== localAsn;

/**
 * Long-lived graceful restart is not offered without graceful restart (RFC 9494 §3.1), nor IPv6 next hops for IPv4 routes
 * over a session that could not carry them (an IPv4 address of the neighbour, or a family that is not spoken).
 *
 * @throws {RangeError} when the router ID is none.
 */
export function settingsFor(global: GlobalSection, peer: PeerConfig): SessionSettings {
  const routerId = parseIp(global.routerId);
  if (typeof routerId !== 'number' || routerId === 0) {
    throw new RangeError(`routerId ${JSON.stringify(global.routerId)} is not a dotted quad other than 0.0.0.0`);
  }
  const localAsn = peer.localAsn ?? global.asn;
  const address = parseIp(peer.address);
  const isInternal = peer.asn === localAsn || peer.asn === 'internal';
  const { addPath } = peer;
  return {
    localAsn,
    peerAsn: peer.asn,
    routerId,
    families: FAMILIES.filter((f) => peer.families.includes(f)),
    holdTimeSeconds: peer.holdTimeSeconds,
    keepaliveSeconds: peer.keepaliveSeconds,
    connectRetrySeconds: peer.connectRetrySeconds,
    passive: peer.passive,
    restartTimeSeconds: peer.gracefulRestart
      ? peer.restartTimeSeconds ?? global.gracefulRestart.restartTimeSeconds
      : undefined,
    notificationRestart: peer.gracefulRestart && peer.notificationRestart === true,
    longLivedStaleSeconds: peer.gracefulRestart ? peer.longLivedStaleSeconds : undefined,
    addPath: addPath !== undefined && (addPath.send || addPath.receive) ? addPath : undefined,
    extendedNextHop: peer.extendedNextHop === true && peer.families.includes('ipv4')
      && address !== undefined && familyOf(address) === 'ipv6',
    extendedMessages: peer.extendedMessages !== false,
    role: isInternal ? undefined : peer.role,
  };
}

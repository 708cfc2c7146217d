/** What becomes of the peer's OPEN: the facts of the session, or a refusal (RFC 4271 §6.2, RFC 5492, RFC 4760, RFC 9234). */
import { COUNTERPART, type BgpRole } from '../../config/messages/speaker-config.ts';
import type { Family, Ipv4 } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { AFI, BGP_VERSION, CAPABILITY, ERROR, EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH, OPEN_ERROR, SAFI_UNICAST } from '../wire/constants.ts';
import type { Capabilities, NotificationMessage, OpenMessage, WireContext } from '../wire/message.ts';
import type { Negotiated } from './negotiated.ts';
import { isExternalTo, type SessionSettings } from './settings.ts';

/** The peer's OPEN cannot be accepted: what to tell it, and what to tell people. */
export interface Refusal {
  readonly notification: NotificationMessage;
  readonly text: string;
}

/**
 * The facts of the session, or the refusal to send: the first fault in the order of RFC 4271 §6.2. `ours`: the
 * capabilities of our OPEN on this connection, for what counts only when both sides said it.
 */
export function negotiate(settings: SessionSettings, open: OpenMessage, ours: Capabilities): Negotiated | Refusal {
  const refusal = refusalOf(settings, open);
  if (refusal) return refusal;
  const theirs = open.capabilities;
  const families = commonFamilies(settings, ours, theirs);
  if (families.length === 0) return noCommonFamily(settings, open);
  const external = settings.localAsn !== open.asn;
  const role = external ? settings.role : undefined;
  const mismatch = role && roleMismatch(role.local, role.strict, theirs.role);
  if (mismatch) return mismatch;
  const holdTimeSeconds = Math.min(settings.holdTimeSeconds, open.holdTimeSeconds);
  const gracefulRestart = ours.gracefulRestart && theirs.gracefulRestart;
  return {
    peerAsn: open.asn,
    localAsn: settings.localAsn,
    external,
    peerRouterId: open.routerId,
    holdTimeSeconds,
    keepaliveSeconds: keepaliveSecondsFor(holdTimeSeconds, settings.keepaliveSeconds),
    families,
    routeRefresh: ours.routeRefresh && theirs.routeRefresh,
    enhancedRouteRefresh: ours.enhancedRouteRefresh && theirs.enhancedRouteRefresh,
    notificationRestart: gracefulRestart?.notification === true && ours.gracefulRestart?.notification === true,
    longLived: gracefulRestart && ours.longLived && theirs.longLived,
    role: role && { local: role.local, remote: theirs.role },
    capabilities: { local: ours, remote: theirs },
    gracefulRestart,
    wire: wireContextFor(external, families, ours, theirs),
  };
}

/** What the codec follows from both OPENs. A path identifier needs one side that sends and one that receives (RFC 7911 §4). */
function wireContextFor(external: boolean, families: readonly Family[], ours: Capabilities, theirs: Capabilities): WireContext {
  const can = (side: Capabilities, family: Family, what: 'send' | 'receive'): boolean =>
    families.includes(family) && side.addPath.some((a) => a.family === family && a[what]);
  const between = (sender: Capabilities, receiver: Capabilities): Record<Family, boolean> => ({
    ipv4: can(sender, 'ipv4', 'send') && can(receiver, 'ipv4', 'receive'),
    ipv6: can(sender, 'ipv6', 'send') && can(receiver, 'ipv6', 'receive'),
  });
  return {
    fourOctetAs: ours.fourOctetAs && theirs.fourOctetAs,
    external,
    addPathIn: between(theirs, ours),
    addPathOut: between(ours, theirs),
    extendedNextHop: ours.extendedNextHop && theirs.extendedNextHop,
    maximumBytes: ours.extendedMessages && theirs.extendedMessages ? EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH,
  };
}

export const isRefusal = (result: Negotiated | Refusal): result is Refusal => 'notification' in result;

function refusalOf(settings: SessionSettings, open: OpenMessage): Refusal | undefined {
  if (open.version !== BGP_VERSION) {
    return refuse(OPEN_ERROR.unsupportedVersion, `BGP version ${open.version}: expected 4`, Uint8Array.of(0, BGP_VERSION));
  }
  const expected = expectedAsn(settings, open.asn);
  if (expected !== undefined) return refuse(OPEN_ERROR.badPeerAs, `peer says AS ${open.asn}: expected ${expected}`);
  if (open.routerId === 0) return refuse(OPEN_ERROR.badBgpIdentifier, 'BGP identifier 0.0.0.0');
  if (open.routerId === settings.routerId && settings.localAsn === open.asn) {
    return refuse(OPEN_ERROR.badBgpIdentifier, `peer has our BGP identifier ${showIp(open.routerId as Ipv4)}`);
  }
  if (open.holdTimeSeconds === 1 || open.holdTimeSeconds === 2) {
    return refuse(OPEN_ERROR.unacceptableHoldTime, `hold time ${open.holdTimeSeconds} s: expected 0 or at least 3`);
  }
  return undefined;
}

/** Undefined: the AS number is right. Zero is nobody's (RFC 7607 §2). */
function expectedAsn({ localAsn, peerAsn }: SessionSettings, asn: number): string | undefined {
  if (asn === 0) return 'a number from 1 on';
  if (peerAsn === 'external') return isExternalTo(localAsn, asn) ? undefined : `any but ${localAsn}, our own`;
  if (peerAsn === 'internal') return asn === localAsn ? undefined : `${localAsn}, our own`;
  return asn === peerAsn ? undefined : String(peerAsn);
}

function roleMismatch(local: BgpRole, strict: boolean, remote: BgpRole | undefined): Refusal | undefined {
  if (remote === undefined) return strict ? refuse(OPEN_ERROR.roleMismatch, `peer says no role: expected ${COUNTERPART[local]}`) : undefined;
  if (remote === COUNTERPART[local]) return undefined;
  return refuse(OPEN_ERROR.roleMismatch, `peer says that it is ${remote}: expected ${COUNTERPART[local]}, because we are ${local}`);
}

function commonFamilies(settings: SessionSettings, ours: Capabilities, theirs: Capabilities): Family[] {
  const spoken = spokenIn(theirs);
  return settings.families.filter((family) => spokenIn(ours).includes(family) && spoken.includes(family));
}

/** RFC 4760 §8: a side without the capability speaks IPv4 unicast alone. */
function spokenIn({ families, unknown }: Capabilities): readonly Family[] {
  const isMultiprotocol = families.length > 0 || unknown.some((u) => u.code === CAPABILITY.multiprotocol);
  return isMultiprotocol ? families : ['ipv4'];
}

/** RFC 5492 §5: the data lists the capabilities that we miss, as they would stand in an OPEN. */
function noCommonFamily(settings: SessionSettings, open: OpenMessage): Refusal {
  const missing = settings.families.flatMap((family) => [CAPABILITY.multiprotocol, 4, 0, AFI[family], 0, SAFI_UNICAST]);
  const theirs = open.capabilities.families.join(' and ') || 'no known family';
  return refuse(OPEN_ERROR.unsupportedCapability,
    `peer offers ${theirs}: expected ${settings.families.join(' or ')}`, Uint8Array.from(missing));
}

/** RFC 4271 §10: at most a third of the hold time; never more often than once a second (§4.4). */
function keepaliveSecondsFor(holdTimeSeconds: number, wanted: number | undefined): number {
  if (holdTimeSeconds === 0) return 0;
  const third = Math.max(1, Math.floor(holdTimeSeconds / 3));
  return wanted === undefined || wanted <= 0 ? third : Math.max(1, Math.min(wanted, third));
}

const refuse = (subcode: number, text: string, data = new Uint8Array(0)): Refusal =>
  ({ notification: { type: 'notification', code: ERROR.open, subcode, data }, text });

/** What we say in our OPEN, and what becomes of the peer's (RFC 4271 §4.2 and §6.2, RFC 5492, RFC 4760, RFC 6793, RFC 4724). */
import type { GlobalSection, PeerConfig } from '../../config/messages/speaker-config.ts';
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import { parseIp, showIp } from '../../lib/ip/text.ts';
import { BGP_VERSION, CAPABILITY, ERROR, AFI, OPEN_ERROR, SAFI_UNICAST } from '../wire/constants.ts';
import type { GracefulRestartCapability, NotificationMessage, OpenMessage } from '../wire/message.ts';
import type { Negotiated } from './negotiated.ts';
import type { Ipv4 } from '../../lib/ip/prefix.ts';

/** What one session is to offer and to accept: the parts of the configuration that its machine needs. */
export interface SessionSettings {
  readonly localAsn: number;
  readonly peerAsn: number;
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
}

/** The bits of our graceful restart capability, true at the moment of the OPEN (RFC 4724 §3). */
export interface RestartState {
  /** R bit: we have restarted and our best paths are not chosen yet. */
  readonly restarted: boolean;
  /** Families whose kernel routes have been there all the time: F bit. */
  readonly forwardingPreserved: readonly Family[];
}

/** The peer's OPEN cannot be accepted: what to tell it, and what to tell people. */
export interface Refusal {
  readonly notification: NotificationMessage;
  readonly text: string;
}

export function settingsFor(global: GlobalSection, peer: PeerConfig): SessionSettings {
  const routerId = parseIp(global.routerId);
  if (typeof routerId !== 'number' || routerId === 0) {
    throw new RangeError(`routerId ${JSON.stringify(global.routerId)} is not a dotted quad other than 0.0.0.0`);
  }
  return {
    localAsn: peer.localAsn ?? global.asn,
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
  };
}

export function localOpen(settings: SessionSettings, restart: RestartState): OpenMessage {
  const gracefulRestart: GracefulRestartCapability | undefined = settings.restartTimeSeconds === undefined ? undefined : {
    restarted: restart.restarted,
    restartTimeSeconds: settings.restartTimeSeconds,
    families: settings.families.map((family) =>
      ({ family, forwardingPreserved: restart.forwardingPreserved.includes(family) })),
  };
  return {
    type: 'open',
    version: BGP_VERSION,
    asn: settings.localAsn,
    holdTimeSeconds: settings.holdTimeSeconds,
    routerId: settings.routerId,
    capabilities: {
      families: settings.families,
      fourOctetAs: true,
      routeRefresh: true,
      ...(gracefulRestart && { gracefulRestart }),
      unknown: [],
    },
  };
}

/** The facts of the session, or the refusal to send: the first fault in the order of RFC 4271 §6.2. */
export function negotiate(settings: SessionSettings, open: OpenMessage): Negotiated | Refusal {
  const refusal = refusalOf(settings, open);
  if (refusal) return refusal;
  const families = commonFamilies(settings, open);
  if (families.length === 0) return noCommonFamily(settings, open);
  const external = settings.localAsn !== settings.peerAsn;
  const holdTimeSeconds = Math.min(settings.holdTimeSeconds, open.holdTimeSeconds);
  return {
    peerAsn: open.asn,
    localAsn: settings.localAsn,
    external,
    peerRouterId: open.routerId,
    holdTimeSeconds,
    keepaliveSeconds: keepaliveSecondsFor(holdTimeSeconds, settings.keepaliveSeconds),
    families,
    routeRefresh: open.capabilities.routeRefresh,
    gracefulRestart: settings.restartTimeSeconds === undefined ? undefined : open.capabilities.gracefulRestart,
    wire: { fourOctetAs: open.capabilities.fourOctetAs, external },
  };
}

export const isRefusal = (result: Negotiated | Refusal): result is Refusal => 'notification' in result;

function refusalOf(settings: SessionSettings, open: OpenMessage): Refusal | undefined {
  if (open.version !== BGP_VERSION) {
    return refuse(OPEN_ERROR.unsupportedVersion, `BGP version ${open.version}: expected 4`, Uint8Array.of(0, BGP_VERSION));
  }
  if (open.asn !== settings.peerAsn) {
    return refuse(OPEN_ERROR.badPeerAs, `peer says AS ${open.asn}: expected ${settings.peerAsn}`);
  }
  if (open.routerId === 0) return refuse(OPEN_ERROR.badBgpIdentifier, 'BGP identifier 0.0.0.0');
  if (open.routerId === settings.routerId && settings.localAsn === settings.peerAsn) {
    return refuse(OPEN_ERROR.badBgpIdentifier, `peer has our BGP identifier ${showIp(open.routerId as Ipv4)}`);
  }
  if (open.holdTimeSeconds === 1 || open.holdTimeSeconds === 2) {
    return refuse(OPEN_ERROR.unacceptableHoldTime, `hold time ${open.holdTimeSeconds} s: expected 0 or at least 3`);
  }
  return undefined;
}

/** RFC 4760 §8: a peer without the capability speaks IPv4 unicast alone. */
function commonFamilies(settings: SessionSettings, open: OpenMessage): Family[] {
  const { families, unknown } = open.capabilities;
  const isMultiprotocol = families.length > 0 || unknown.some((u) => u.code === CAPABILITY.multiprotocol);
  const theirs: readonly Family[] = isMultiprotocol ? families : ['ipv4'];
  return settings.families.filter((family) => theirs.includes(family));
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

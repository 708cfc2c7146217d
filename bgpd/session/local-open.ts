/** What we say in our OPEN (RFC 4271 §4.2, RFC 5492), and what we leave out for a peer that has refused it. */
import type { Family } from '../../lib/ip/prefix.ts';
import { BGP_VERSION, CAPABILITY, ERROR, OPEN_ERROR } from '../wire/constants.ts';
import type { Capabilities, NotificationMessage, OpenMessage } from '../wire/message.ts';
import type { SessionSettings } from './settings.ts';

/** The bits of our graceful restart capabilities, true at the moment of the OPEN (RFC 4724 §3). */
export interface RestartState {
  /** R bit: we have restarted and our best paths are not chosen yet. */
  readonly restarted: boolean;
  /** Families whose kernel routes have been there all the time: F bit. */
  readonly forwardingPreserved: readonly Family[];
}

/** Capability codes that a session can do without. The others say who we are and what the session is about. */
const OPTIONAL: readonly number[] = [
  CAPABILITY.routeRefresh, CAPABILITY.extendedNextHop, CAPABILITY.extendedMessages, CAPABILITY.role, CAPABILITY.gracefulRestart,
  CAPABILITY.addPath, CAPABILITY.enhancedRouteRefresh, CAPABILITY.longLived,
];

const ALL: readonly number[] = Object.values(CAPABILITY);

/** `withheld`: capability codes that this peer has refused. */
export function localOpen(settings: SessionSettings, restart: RestartState, withheld: readonly number[] = []): OpenMessage {
  return {
    type: 'open',
    version: BGP_VERSION,
    asn: settings.localAsn,
    holdTimeSeconds: settings.holdTimeSeconds,
    routerId: settings.routerId,
    capabilities: capabilitiesFor(settings, restart, withheld),
  };
}

function capabilitiesFor(settings: SessionSettings, restart: RestartState, withheld: readonly number[]): Capabilities {
  const says = (code: number): boolean => !withheld.includes(code);
  const { families, restartTimeSeconds, longLivedStaleSeconds, addPath, role } = settings;
  const spoken = says(CAPABILITY.multiprotocol) ? families : [];
  const preserved = spoken.map((family) => ({ family, forwardingPreserved: restart.forwardingPreserved.includes(family) }));
  const restarts = restartTimeSeconds !== undefined && says(CAPABILITY.gracefulRestart);
  return {
    families: spoken,
    fourOctetAs: says(CAPABILITY.fourOctetAs),
    routeRefresh: says(CAPABILITY.routeRefresh),
    enhancedRouteRefresh: says(CAPABILITY.routeRefresh) && says(CAPABILITY.enhancedRouteRefresh),
    extendedMessages: settings.extendedMessages && says(CAPABILITY.extendedMessages),
    extendedNextHop: settings.extendedNextHop && says(CAPABILITY.extendedNextHop),
    addPath: addPath !== undefined && says(CAPABILITY.addPath) ? spoken.map((family) => ({ family, ...addPath })) : [],
    ...(role !== undefined && says(CAPABILITY.role) && { role: role.local }),
    ...(restarts && { gracefulRestart: {
      restarted: restart.restarted, notification: settings.notificationRestart, restartTimeSeconds, families: preserved,
    } }),
    ...(restarts && longLivedStaleSeconds !== undefined && says(CAPABILITY.longLived) && {
      longLived: preserved.map((family) => ({ ...family, staleSeconds: longLivedStaleSeconds })),
    }),
    unknown: [],
  };
}

/**
 * What the next OPEN leaves out, after the peer answered one with this NOTIFICATION: the optional capabilities that it
 * names (RFC 5492 §5), and every capability when it knows no such parameter (RFC 5492 §3). When there is nothing more to
 * leave out, the peer misses something rather than that it has too much: all is offered again.
 */
export function withheldAfter(withheld: readonly number[], { code, subcode, data }: NotificationMessage): readonly number[] {
  if (code !== ERROR.open) return withheld;
  if (subcode !== OPEN_ERROR.unsupportedParameter && subcode !== OPEN_ERROR.unsupportedCapability) return withheld;
  const named = codesIn(data);
  const refused = subcode === OPEN_ERROR.unsupportedParameter ? ALL : OPTIONAL.filter((capability) => named.includes(capability));
  const more = refused.filter((capability) => !withheld.includes(capability));
  return more.length === 0 ? [] : [...withheld, ...more];
}

/** Codes of capabilities that stand one after the other as in an OPEN; a cut one ends the list. */
function codesIn(data: Uint8Array): number[] {
  const codes: number[] = [];
  for (let at = 0; at + 2 <= data.length; at += 2 + data[at + 1]!) codes.push(data[at]!);
  return codes;
}

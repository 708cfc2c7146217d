/** What a change of configuration demands of a session: nothing, patience, or a new one; and which fields demand it. */
import type { GlobalSection, PeerConfig } from '../../config/messages/speaker-config.ts';
import { settingsFor } from '../session/settings.ts';

export interface PeerSettings { readonly global: GlobalSection; readonly config: PeerConfig }

/**
 * `reset`: what both sides agreed on, or how they may reach one another, would be another thing now. `next-session`: it
 * was said in an OPEN that the session can live with, or matters to dialing alone, so that it can wait until the session
 * ends by itself. `policy`: only what is done with routes, or whether there is to be a session at all.
 */
export type Demand = 'nothing' | 'policy' | 'next-session' | 'reset';

export interface Demanded {
  readonly demand: Demand;
  /** Fields whose change demands it, by the names of `PeerConfig`, and `routerId`; empty for `nothing`. */
  readonly fields: readonly string[];
}

const WEIGHT: readonly Demand[] = ['nothing', 'policy', 'next-session', 'reset'];

/** A field that is not here does not compile. */
const DEMAND: { readonly [K in keyof Required<PeerConfig> | 'routerId']: Demand } = {
  // Who talks with whom about what (RFC 4271 §6.2, RFC 4760), and over which packets.
  routerId: 'reset', address: 'reset', asn: 'reset', localAsn: 'reset', sourceAddress: 'reset', interface: 'reset',
  families: 'reset', holdTimeSeconds: 'reset',
  // What it has announced was passed on from where it was.
  behindUs: 'reset',
  // The kernel follows on the connection that is there; the session goes on if the other side follows within the hold time.
  password: 'policy', ttlSecurityHops: 'policy',
  // How an UPDATE is to be read, and what may be in it: both sides go by what the OPENs said.
  addPath: 'reset', extendedNextHop: 'reset', role: 'reset',
  port: 'next-session', passive: 'next-session', connectRetrySeconds: 'next-session', keepaliveSeconds: 'next-session',
  gracefulRestart: 'next-session', restartTimeSeconds: 'next-session', notificationRestart: 'next-session',
  longLivedStaleSeconds: 'next-session', extendedMessages: 'next-session',
  name: 'policy', origin: 'policy', nextHop: 'policy', allowLocalAs: 'policy', importFilters: 'policy', exportFilters: 'policy',
  reflectorClient: 'policy', gracefulShutdown: 'policy', maximumPrefixes: 'policy', asOverride: 'policy', removePrivateAs: 'policy',
  defaultOriginate: 'policy', shutdown: 'policy', bfd: 'policy',
};

export function demandOf(before: PeerSettings, after: PeerSettings): Demanded {
  const [old, now] = [effective(before), effective(after)];
  const changed = (Object.keys(DEMAND) as (keyof typeof DEMAND)[]).filter((key) => JSON.stringify(old[key]) !== JSON.stringify(now[key]));
  const demand = changed.map((key) => DEMAND[key]).reduce((a, b) => (WEIGHT.indexOf(a) >= WEIGHT.indexOf(b) ? a : b), 'nothing');
  return { demand, fields: changed.filter((key) => DEMAND[key] === demand) };
}

/** What counts in the end: a local AS number that is the global one now and was written down before is no change. */
function effective({ global, config }: PeerSettings): { readonly [K in keyof typeof DEMAND]?: unknown } {
  const { routerId, localAsn, families, restartTimeSeconds, notificationRestart, longLivedStaleSeconds, addPath, extendedNextHop,
    extendedMessages, role } = settingsFor(global, config);
  return {
    ...config, routerId, localAsn, families, restartTimeSeconds, notificationRestart, longLivedStaleSeconds, addPath,
    extendedNextHop, extendedMessages, role,
  };
}

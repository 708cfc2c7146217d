/** A foreign speaker as the matrix sees it, and what is agreed on with all of them: addresses, AS numbers, routes. */
import type { Capability } from '../../support/capabilities.ts';
import type { Netns } from '../../support/namespaces.ts';

/**
 * ```
 *   src ── 10.8.0/1 ── us ══ v4, v6, x, un0 ══ them ── 10.7.0 ── beyond
 *                       └─── 10.6.0 ─── int
 * ```
 * `src` and `beyond` are BIRDs that announce what a speaker does not say of its own; `int` is the daemon that is tested
 * once more, as an internal client of our reflector.
 */
export const OUR_ASN = 64512;
export const THEIR_ASN = 65001;
export const SRC_ASN = 65010;
export const BEYOND_ASNS = [65021, 65022] as const;
export const OURS = { v4: '10.9.0.1', v6: 'fd09::1', x: 'fd0a::1', src: '10.8.0.1', int: '10.6.0.1' } as const;
export const THEIRS = { v4: '10.9.0.2', v6: 'fd09::2', x: 'fd0a::2', int: '10.6.0.2' } as const;
/** BIRD has one session with an address: the daemon has an address for each. */
export const BEYOND = { daemon: ['10.7.0.1', '10.7.0.4'], sources: ['10.7.0.2', '10.7.0.3'] } as const;
export const SRC = { external: '10.8.0.2', internal: '10.8.1.2', ourInternal: '10.8.1.1' } as const;

export const KEY = 'a key of 24 characters..'.replaceAll(/\W/g, '-');
export const HOLD_SECONDS = 6;
export const LONG_LIVED_SECONDS = 60;

/** What we originate. */
export const OUR_BLOCK = { v4: '10.244.1.0/26', v6: 'fd00:244:0:1::/122' } as const;

/** What `them` announces as its own on every external session. */
export const THEIR_ROUTE = { v4: '10.20.0.0/24', v6: 'fd20::/64' } as const;
/** With one community of each sort, named for AS 65001. */
export const THEIR_TAGGED = '10.20.1.0/24';
export const THEIR_NO_EXPORT = '10.20.2.0/24';
/** GRACEFUL_SHUTDOWN; `src` announces it too, with a longer path and without. */
export const THEIR_LEAVING = '10.21.0.0/24';
/** Two ways, through the ASes beyond. */
export const THEIR_TWO_WAYS = '10.60.0.0/24';
/** With so many communities that it fills more than 4,096 octets. */
export const THEIR_LARGE = '10.52.0.0/24';
export const MANY = 1_100;
export const many = (asn: number): string[] => Array.from({ length: MANY }, (_, i) => `${asn}:${i + 1}`);

/** What `src` announces, and we pass on. */
export const SRC_TWO_WAYS = '10.50.0.0/24';
export const SRC_LARGE = '10.51.0.0/24';
export const SRC_TAGGED = '10.54.0.0/24';
export const SRC_NO_EXPORT = '10.55.0.0/24';
/** Routes of internal speakers, which we reflect. */
export const CLIENT_ROUTE = '10.40.0.0/24';
export const SRC_INTERNAL_ROUTE = '10.41.0.0/24';

export type Session = 'v4' | 'v6' | 'x' | 'int';

/** A route of ours as they show it. */
export interface Shown {
  readonly asPath: string;
  readonly nextHop: string;
  readonly localPref?: number;
  /** `65001:7`, well-known ones too: `65535:0`. */
  readonly communities: readonly string[];
  readonly large: readonly string[];
  /** `rt:65010:9`. */
  readonly extended: readonly string[];
  readonly otc?: number;
  readonly originator?: string;
  readonly clusters?: readonly string[];
}

export interface Settings {
  readonly role: 'external' | 'client';
  /** Starts as one that comes back. */
  readonly isRecovering?: boolean;
}

export interface Peer {
  readonly name: string;
  readonly needs: readonly Capability[];
  /** As the daemon calls it. */
  version(): string;
  /** Restart time that it advertises, and that we advertise to it: short where long-lived retention follows. */
  readonly restartSeconds: number;
  /** Resolves when it answers. */
  start(ns: Netns, settings: Settings): Promise<Speaker>;
}

export interface Speaker {
  /** Its routes to a prefix that one session brought. */
  shown(prefix: string, session: Session): Shown[];
  /** How many communities its route has; absent: as many as `shown` tells. */
  communities?(prefix: string, session: Session): number;
  /** Asks for the routes of session v4 again. */
  refresh(): void;
  /** Ends session v4 with a message to us; `enable` takes that back. */
  shutdown(message: string): void;
  enable(): void;
  /** Ends a pause that it takes after the end of a session. */
  hurry?(): void;
  /** What it says of a NOTIFICATION that we sent on v4. */
  heard(): string;
  readonly output: string;
  kill(): Promise<void>;
}

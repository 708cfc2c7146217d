/** Limits on how many prefixes (RFC 4271 §6.7, RFC 4486), and paths of one prefix, a peer may send: warns, ends sessions, says so in the status. */
import type { MaximumPrefixes as Limit } from '../config/messages/speaker-config.ts';
import type { Problem } from '../lib/errors.ts';
import { FAMILIES, type Family } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';
import type { Neighbour } from './neighbour.ts';
import { MOST_PATHS } from './rib/adj-rib-in.ts';
import type { FamilyRib } from './rib/family-rib.ts';
import { maximumPrefixesReached } from './session/cease.ts';

const DEFAULT_WARNING_PERCENT = 75;

/** What became of one family of one peer. */
interface Standing {
  /** From this on it is a warning; said once until the count is below again. */
  isWarned: boolean;
  /** The session was ended because of it: what was counted then, and against which limit. */
  closed: { readonly count: number; readonly limit: Limit } | undefined;
}

export interface LimitPorts {
  readonly ribs: Readonly<Record<Family, FamilyRib>>;
  readonly log: Log;
}

/** Counts are those of Adj-RIB-In: routes that an import filter refused count too, they are kept all the same. */
export class PrefixLimits {
  readonly #ports: LimitPorts;
  readonly #standings = new Map<Neighbour, Map<Family, Standing>>();

  constructor(ports: LimitPorts) { this.#ports = ports; }

  /** After each UPDATE, so that a peer with millions of prefixes costs no more than the limit and one message. */
  check(neighbour: Neighbour): void {
    const limit = neighbour.config.maximumPrefixes;
    if (limit === undefined || neighbour.session === undefined) return;
    for (const family of neighbour.session.negotiated.families) if (this.#check(neighbour, family, limit)) return;
  }

  /** True: the session ends. */
  #check(neighbour: Neighbour, family: Family, limit: Limit): boolean {
    const count = this.#countOf(neighbour, family);
    if (count < warningFrom(limit)) {
      const known = this.#standings.get(neighbour)?.get(family);
      if (known !== undefined) known.isWarned = false;
      return false;
    }
    const standing = this.#standing(neighbour, family);
    if (!standing.isWarned) {
      standing.isWarned = true;
      this.#ports.log.warn('peer.prefixes', { peer: neighbour.config.name, family, prefixes: count, limit: limit.limit });
    }
    if (count <= limit.limit || limit.action === 'warn') return false;
    if (standing.closed !== undefined) return true;
    standing.closed = { count, limit };
    neighbour.peer.hold(maximumPrefixesReached(family, limit.limit), `more than ${limit.limit} ${family} prefixes received`, limit.restartSeconds);
    return true;
  }

  /** The configuration is another one: who was kept out by a limit that is no more is let in, and a lower limit counts at once. */
  reconfigured(neighbour: Neighbour): void {
    const closed = [...this.#standings.get(neighbour)?.values() ?? []].find((standing) => standing.closed !== undefined)?.closed;
    if (closed !== undefined && JSON.stringify(closed.limit) !== JSON.stringify(neighbour.config.maximumPrefixes)) {
      this.forget(neighbour);
      neighbour.peer.start();
    }
    this.check(neighbour);
  }

  /** A new session has begun, or an operator wants one. */
  forget(neighbour: Neighbour): void { this.#standings.delete(neighbour); }

  /** What is near or beyond a limit now, in words for people. */
  problems(neighbours: Iterable<Neighbour>): Problem[] {
    return [...neighbours].flatMap((neighbour) => FAMILIES.flatMap((family) => this.#problem(neighbour, family)));
  }

  #problem(neighbour: Neighbour, family: Family): Problem[] {
    const { name, maximumPrefixes: limit } = neighbour.config;
    if (limit === undefined) return [];
    const path = `peers/${name}.maximumPrefixes`;
    const closed = this.#standings.get(neighbour)?.get(family)?.closed;
    if (closed !== undefined) {
      const until = limit.restartSeconds === undefined ? 'until it is cleared by hand' : `for ${limit.restartSeconds} s`;
      return [{ path, message: `the session was closed because of ${closed.count} ${family} prefixes: expected at most ${limit.limit}; it stays down ${until}` }];
    }
    const count = this.#countOf(neighbour, family);
    if (count < warningFrom(limit)) return [];
    const verdict = count > limit.limit ? `expected at most ${limit.limit}` : `${Math.floor((count * 100) / limit.limit)} % of the limit of ${limit.limit}`;
    return [{ path, message: `${count} ${family} prefixes received: ${verdict}` }];
  }

  #countOf(neighbour: Neighbour, family: Family): number { return this.#ports.ribs[family].loc.adjIn.countsOf(neighbour.source).received; }

  #standing(neighbour: Neighbour, family: Family): Standing {
    let families = this.#standings.get(neighbour);
    if (families === undefined) this.#standings.set(neighbour, families = new Map<Family, Standing>());
    let standing = families.get(family);
    if (standing === undefined) families.set(family, standing = { isWarned: false, closed: undefined });
    return standing;
  }
}

const warningFrom = ({ limit, warningPercent = DEFAULT_WARNING_PERCENT }: Limit): number => Math.ceil((limit * warningPercent) / 100);

/** Who has announced more paths of one prefix (RFC 7911) than are kept. */
export function ignoredPaths(neighbours: Iterable<Neighbour>, family: Family, { loc }: FamilyRib): Problem[] {
  return [...neighbours].flatMap(({ config, source }): Problem[] => {
    const { ignored } = loc.adjIn.countsOf(source);
    const message = `${ignored} ${family} announcements ignored: expected at most ${MOST_PATHS} paths for one prefix`;
    return ignored === 0 ? [] : [{ path: `peers/${config.name}.addPath`, message }];
  });
}

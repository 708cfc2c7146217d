/** Adj-RIB-In of all peers of one family: every received route, in typed arrays, listed by prefix. */
import { Int32Column } from './column.ts';
import type { Source } from './route.ts';

/** Kept for a restarting peer (RFC 4724 §4.2). */
export const STALE = 1;
/** Not a candidate: an import filter or loop detection refused it. Kept, so that a change of filters needs no refresh. */
export const REFUSED = 2;
/** Stale for longer than a restart takes (RFC 9494 §4.2); such a path is `STALE` too. */
export const LONG_LIVED = 4;
/** Not announced again since the peer began to send everything once more (RFC 7313 §4). */
const UNREFRESHED = 8;

/** Most paths of one source for one prefix; nobody has as many ways. More are ignored, so that lists stay short. */
export const MOST_PATHS = 256;

/** A refused route is not in use: that it is kept from before concerns nobody. */
const isStale = (flags: number): boolean => (flags & (STALE | REFUSED)) === STALE;

/** What an import policy makes of a path. */
export interface Verdict { readonly routeId: number; readonly refused: boolean }

/** Routes of one source: all, those accepted, those accepted and stale; announcements ignored because of `MOST_PATHS`. */
export interface Counts { received: number; accepted: number; stale: number; ignored: number }

/**
 * A path is one route of one source for one prefix, or one of several with path identifiers (RFC 7911). Paths of a prefix
 * form a list: `first(prefix)`, then `next(path)`; 0 ends it. 17 bytes a path, and 4 a prefix; path identifiers are 4 more,
 * once any source has sent one.
 */
export class AdjRibIn {
  readonly #heads = new Int32Column();
  #next = new Int32Array(64);
  #prefixes = new Int32Array(64);
  #routes = new Int32Array(64);
  #sources = new Int32Array(64);
  #flags = new Uint8Array(64);
  /** Path identifiers as received, unsigned; 0 where there is none. */
  #ids: Uint32Array | undefined;
  /** 0 stands for "none". */
  #limit = 1;
  readonly #free: number[] = [];
  readonly #counts: Counts[] = [];

  get paths(): number { return this.#limit - 1 - this.#free.length; }
  /** Some source has had several paths for a prefix. */
  get hasPathIds(): boolean { return this.#ids !== undefined; }

  first(prefixId: number): number { return this.#heads.get(prefixId); }
  next(path: number): number { return this.#next[path]!; }
  routeOf(path: number): number { return this.#routes[path]!; }
  sourceOf(path: number): number { return this.#sources[path]!; }
  flagsOf(path: number): number { return this.#flags[path]!; }
  /** The path identifier that the source gave it; 0: none. */
  pathIdOf(path: number): number { return this.#ids === undefined ? 0 : this.#ids[path]!; }

  countsOf(source: Source): Counts {
    return this.#counts[source.index] ??= { received: 0, accepted: 0, stale: 0, ignored: 0 };
  }

  /** Stores the route of `source` for this prefix and path identifier. True when something that decisions depend on changed. */
  set(prefixId: number, source: Source, routeId: number, refused: boolean, pathId = 0): boolean {
    if (pathId !== 0) this.#ids ??= new Uint32Array(this.#next.length);
    const path = this.find(prefixId, source, pathId);
    if (path === 0) return this.#insert(prefixId, source, routeId, refused, pathId);
    const flags = refused ? REFUSED : 0;
    const changed = this.#routes[path] !== routeId || (this.#flags[path]! & REFUSED) !== flags;
    this.#setFlags(path, source, flags);
    this.#routes[path] = routeId;
    return changed;
  }

  /** Removes the route of `source` for this prefix and path identifier. False: there was none. */
  remove(prefixId: number, source: Source, pathId = 0): boolean {
    const path = this.find(prefixId, source, pathId);
    if (path !== 0) this.#unlink(path, source);
    return path !== 0;
  }

  /** 0: there is none. */
  find(prefixId: number, source: Source, pathId = 0): number {
    const ids = this.#ids;
    let path = this.first(prefixId);
    if (ids === undefined) {
      while (path !== 0 && this.#sources[path] !== source.index) path = this.#next[path]!;
    } else {
      while (path !== 0 && (this.#sources[path] !== source.index || ids[path] !== pathId)) path = this.#next[path]!;
    }
    return path;
  }

  /** Paths of the source for the prefix. */
  countAt(prefixId: number, source: Source): number {
    let count = 0;
    for (let path = this.first(prefixId); path !== 0; path = this.#next[path]!) if (this.#sources[path] === source.index) count++;
    return count;
  }

  /** Marks all of the source's routes as stale: its session went away and may come back. */
  markStale(source: Source): void { this.#mark(source, STALE); }

  /** Marks all of the source's routes: what is not announced again until `removeAll` of the unrefreshed is gone. */
  markForRefresh(source: Source): void { this.#mark(source, UNREFRESHED); }

  /** Removes the source's routes, or only those that are stale or were not refreshed; tells the prefix of each. */
  removeAll(source: Source, which: 'all' | 'stale' | 'unrefreshed', removed: (prefixId: number, pathId: number) => void): void {
    const mask = which === 'all' ? 0 : which === 'stale' ? STALE : UNREFRESHED;
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== source.index || (this.#flags[path]! & mask) !== mask) continue;
      const prefixId = this.#prefixes[path]!;
      const pathId = this.pathIdOf(path);
      this.#unlink(path, source);
      removed(prefixId, pathId);
    }
    if (which === 'all') this.countsOf(source).ignored = 0;
  }

  /**
   * The source's stale routes become long-lived ones: `routeFor` says which route stands for each from now on, undefined
   * that it goes. Tells the prefix of each.
   */
  markLongLived(source: Source, routeFor: (routeId: number) => number | undefined, changed: (prefixId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== source.index || (this.#flags[path]! & (STALE | LONG_LIVED)) !== STALE) continue;
      const prefixId = this.#prefixes[path]!;
      const routeId = routeFor(this.#routes[path]!);
      if (routeId === undefined) this.#unlink(path, source);
      else {
        this.#setFlags(path, source, this.#flags[path]! | LONG_LIVED);
        this.#routes[path] = routeId;
      }
      changed(prefixId);
    }
  }

  /** Judges the source's routes anew; tells the prefix of each whose verdict changed. */
  judge(source: Source, verdictOn: (prefixId: number, routeId: number, flags: number) => Verdict, changed: (prefixId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== source.index) continue;
      const { routeId, refused } = verdictOn(this.#prefixes[path]!, this.#routes[path]!, this.#flags[path]!);
      const flags = (this.#flags[path]! & ~REFUSED) | (refused ? REFUSED : 0);
      if (flags === this.#flags[path] && routeId === this.#routes[path]) continue;
      this.#setFlags(path, source, flags);
      this.#routes[path] = routeId;
      changed(this.#prefixes[path]!);
    }
  }

  /** Calls back for each path of a source. */
  forEachOf(source: Source, visit: (prefixId: number, pathId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] === source.index) visit(this.#prefixes[path]!, this.pathIdOf(path));
    }
  }

  /** Calls back for each path in use. */
  forEach(visit: (prefixId: number, routeId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== UNUSED) visit(this.#prefixes[path]!, this.#routes[path]!);
    }
  }

  #insert(prefixId: number, source: Source, routeId: number, refused: boolean, pathId: number): boolean {
    const counts = this.countsOf(source);
    if (this.#ids !== undefined && this.countAt(prefixId, source) >= MOST_PATHS) { counts.ignored++; return false; }
    const path = this.#free.pop() ?? this.#grow();
    this.#heads.ensure(prefixId + 1);
    this.#next[path] = this.#heads.values[prefixId]!;
    this.#heads.values[prefixId] = path;
    this.#prefixes[path] = prefixId;
    this.#routes[path] = routeId;
    this.#sources[path] = source.index;
    this.#flags[path] = refused ? REFUSED : 0;
    if (this.#ids !== undefined) this.#ids[path] = pathId;
    counts.received++;
    if (!refused) counts.accepted++;
    return true;
  }

  #unlink(path: number, source: Source): void {
    const prefixId = this.#prefixes[path]!;
    let before = 0;
    for (let at = this.first(prefixId); at !== path; at = this.#next[at]!) before = at;
    if (before === 0) this.#heads.values[prefixId] = this.#next[path]!;
    else this.#next[before] = this.#next[path]!;
    this.#setFlags(path, source, 0);
    const counts = this.countsOf(source);
    counts.received--;
    counts.accepted--;
    this.#sources[path] = UNUSED;
    this.#free.push(path);
  }

  #mark(source: Source, flag: number): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] === source.index) this.#setFlags(path, source, this.#flags[path]! | flag);
    }
  }

  /** Keeps the counts true. */
  #setFlags(path: number, source: Source, flags: number): void {
    const old = this.#flags[path]!;
    if (old === flags) return;
    const counts = this.countsOf(source);
    counts.stale += Number(isStale(flags)) - Number(isStale(old));
    if (((old ^ flags) & REFUSED) !== 0) counts.accepted += (flags & REFUSED) !== 0 ? -1 : 1;
    this.#flags[path] = flags;
  }

  #grow(): number {
    if (this.#limit === this.#next.length) {
      const size = this.#limit * 2;
      this.#next = grown(this.#next, size);
      this.#prefixes = grown(this.#prefixes, size);
      this.#routes = grown(this.#routes, size);
      this.#sources = grown(this.#sources, size);
      const flags = new Uint8Array(size);
      flags.set(this.#flags);
      this.#flags = flags;
      if (this.#ids !== undefined) {
        const ids = new Uint32Array(size);
        ids.set(this.#ids);
        this.#ids = ids;
      }
    }
    return this.#limit++;
  }
}

/** Source of a path that is free. */
const UNUSED = -1;

function grown(old: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const values = new Int32Array(size);
  values.set(old);
  return values;
}

/** Adj-RIB-In of all peers of one family: every received route, in typed arrays, listed by prefix. */
import { Int32Column } from './column.ts';
import type { Source } from './route.ts';

/** Kept for a restarting peer (RFC 4724 §4.2). */
export const STALE = 1;
/** Not a candidate: an import filter or loop detection refused it. Kept, so that a change of filters needs no refresh. */
export const REFUSED = 2;

/** A refused route is not in use: that it is kept from before concerns nobody. */
const isStale = (flags: number): boolean => (flags & (STALE | REFUSED)) === STALE;

/** What an import policy makes of a path. */
export interface Verdict { readonly routeId: number; readonly refused: boolean }

/** Routes of one source: all, those accepted, those accepted and stale. */
export interface Counts { received: number; accepted: number; stale: number }

/**
 * A path is one route of one source for one prefix. Paths of a prefix form a list: `first(prefix)`, then `next(path)`;
 * 0 ends it. 17 bytes a path, and 4 a prefix.
 */
export class AdjRibIn {
  readonly #heads = new Int32Column();
  #next = new Int32Array(64);
  #prefixes = new Int32Array(64);
  #routes = new Int32Array(64);
  #sources = new Int32Array(64);
  #flags = new Uint8Array(64);
  /** 0 stands for "none". */
  #limit = 1;
  readonly #free: number[] = [];
  readonly #counts: Counts[] = [];

  get paths(): number { return this.#limit - 1 - this.#free.length; }

  first(prefixId: number): number { return this.#heads.get(prefixId); }
  next(path: number): number { return this.#next[path]!; }
  routeOf(path: number): number { return this.#routes[path]!; }
  sourceOf(path: number): number { return this.#sources[path]!; }
  flagsOf(path: number): number { return this.#flags[path]!; }

  countsOf(source: Source): Counts {
    return this.#counts[source.index] ??= { received: 0, accepted: 0, stale: 0 };
  }

  /** Stores the one route of `source` for this prefix. True when something that decisions depend on changed. */
  set(prefixId: number, source: Source, routeId: number, refused: boolean): boolean {
    const path = this.find(prefixId, source);
    if (path === 0) { this.#insert(prefixId, source, routeId, refused); return true; }
    const flags = refused ? REFUSED : 0;
    const changed = this.#routes[path] !== routeId || (this.#flags[path]! & REFUSED) !== flags;
    this.#setFlags(path, source, flags);
    this.#routes[path] = routeId;
    return changed;
  }

  /** Removes the route of `source` for this prefix. False: there was none. */
  remove(prefixId: number, source: Source): boolean {
    let before = 0;
    for (let path = this.first(prefixId); path !== 0; path = this.#next[path]!) {
      if (this.#sources[path] === source.index) { this.#unlink(prefixId, before, path, source); return true; }
      before = path;
    }
    return false;
  }

  find(prefixId: number, source: Source): number {
    let path = this.first(prefixId);
    while (path !== 0 && this.#sources[path] !== source.index) path = this.#next[path]!;
    return path;
  }

  /** Marks all of the source's routes as stale: its session went away and may come back. */
  markStale(source: Source): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] === source.index) this.#setFlags(path, source, this.#flags[path]! | STALE);
    }
  }

  /** Removes the source's routes, or only its stale ones; tells the prefix of each. */
  removeAll(source: Source, which: 'all' | 'stale', removed: (prefixId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== source.index) continue;
      if (which === 'stale' && (this.#flags[path]! & STALE) === 0) continue;
      const prefixId = this.#prefixes[path]!;
      this.remove(prefixId, source);
      removed(prefixId);
    }
  }

  /** Judges the source's routes anew; tells the prefix of each whose verdict changed. */
  judge(source: Source, verdictOn: (prefixId: number, routeId: number) => Verdict, changed: (prefixId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== source.index) continue;
      const { routeId, refused } = verdictOn(this.#prefixes[path]!, this.#routes[path]!);
      const flags = (this.#flags[path]! & ~REFUSED) | (refused ? REFUSED : 0);
      if (flags === this.#flags[path] && routeId === this.#routes[path]) continue;
      this.#setFlags(path, source, flags);
      this.#routes[path] = routeId;
      changed(this.#prefixes[path]!);
    }
  }

  /** Calls back for each path in use. */
  forEach(visit: (prefixId: number, routeId: number) => void): void {
    for (let path = 1; path < this.#limit; path++) {
      if (this.#sources[path] !== UNUSED) visit(this.#prefixes[path]!, this.#routes[path]!);
    }
  }

  #insert(prefixId: number, source: Source, routeId: number, refused: boolean): void {
    const path = this.#free.pop() ?? this.#grow();
    this.#heads.ensure(prefixId + 1);
    this.#next[path] = this.#heads.values[prefixId]!;
    this.#heads.values[prefixId] = path;
    this.#prefixes[path] = prefixId;
    this.#routes[path] = routeId;
    this.#sources[path] = source.index;
    this.#flags[path] = refused ? REFUSED : 0;
    const counts = this.countsOf(source);
    counts.received++;
    if (!refused) counts.accepted++;
  }

  #unlink(prefixId: number, before: number, path: number, source: Source): void {
    if (before === 0) this.#heads.values[prefixId] = this.#next[path]!;
    else this.#next[before] = this.#next[path]!;
    this.#setFlags(path, source, 0);
    const counts = this.countsOf(source);
    counts.received--;
    counts.accepted--;
    this.#sources[path] = UNUSED;
    this.#free.push(path);
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

/** For each prefix, a set of paths with the route of each, in typed arrays: 12 bytes a path and 4 a prefix. */
import { Int32Column } from './column.ts';

/**
 * What ADD-PATH peers (RFC 7911) have been told. The set of a prefix is a list of cells: `first(prefix)`, then
 * `next(cell)`; 0 ends it. A path is named by its path identifier, which is at least 1.
 */
export class PathSets {
  readonly #heads = new Int32Column();
  #next = new Int32Array(64);
  #paths = new Int32Array(64);
  /** Route id of each cell, 0 in cells that are free: for `LocRib.sweep`. */
  readonly routes = new Int32Column();
  /** 0 stands for "none". */
  #limit = 1;
  readonly #free: number[] = [];

  /** Paths of all prefixes together. */
  get size(): number { return this.#limit - 1 - this.#free.length; }
  /** All prefix ids with a set are below this. */
  get prefixLimit(): number { return this.#heads.values.length; }

  first(prefixId: number): number { return this.#heads.get(prefixId); }
  next(cell: number): number { return this.#next[cell]!; }
  pathOf(cell: number): number { return this.#paths[cell]!; }
  routeOf(cell: number): number { return this.routes.values[cell]!; }

  /** The cell of a path; 0: it is not in the prefix's set. */
  find(prefixId: number, path: number): number {
    let cell = this.first(prefixId);
    while (cell !== 0 && this.#paths[cell] !== path) cell = this.#next[cell]!;
    return cell;
  }

  /** Adds a path that is not in the set. */
  add(prefixId: number, path: number, routeId: number): void {
    const cell = this.#free.pop() ?? this.#grow();
    this.#next[cell] = this.first(prefixId);
    this.#paths[cell] = path;
    this.routes.values[cell] = routeId;
    this.#heads.set(prefixId, cell);
  }

  replace(cell: number, routeId: number): void { this.routes.values[cell] = routeId; }

  /** Takes out a path, if it is in the set. */
  remove(prefixId: number, path: number): void {
    let before = 0;
    let cell = this.first(prefixId);
    while (cell !== 0 && this.#paths[cell] !== path) { before = cell; cell = this.#next[cell]!; }
    if (cell === 0) return;
    if (before === 0) this.#heads.set(prefixId, this.#next[cell]!); else this.#next[before] = this.#next[cell]!;
    this.#release(cell);
  }

  /** Empties the set of a prefix. */
  clear(prefixId: number): void {
    for (let cell = this.first(prefixId); cell !== 0; cell = this.#next[cell]!) this.#release(cell);
    if (this.first(prefixId) !== 0) this.#heads.set(prefixId, 0);
  }

  /** A free cell keeps its `next`, so that a walk may release what it has passed. */
  #release(cell: number): void {
    this.routes.values[cell] = 0;
    this.#free.push(cell);
  }

  #grow(): number {
    if (this.#limit === this.#next.length) {
      this.#next = doubled(this.#next);
      this.#paths = doubled(this.#paths);
    }
    this.routes.ensure(this.#limit + 1);
    return this.#limit++;
  }
}

function doubled(old: Int32Array): Int32Array<ArrayBuffer> {
  const values = new Int32Array(old.length * 2);
  values.set(old);
  return values;
}

/** What a monitoring station has still to be told: which routes changed, not how. Bounded: beyond that it must start anew. */
import type { Prefix } from '../../lib/ip/prefix.ts';

/** Changed routes of one table: prefix → path identifiers (RFC 7911), 0 where there are none. */
export type Changes = Map<Prefix, Set<number>>;

/** Shared by all prefixes without path identifiers. */
const NO_ID: Set<number> = new Set([0]);

/** `Table`: whose routes they are, an object that stays the same. */
export class PendingChanges<Table> {
  readonly #maximum: number;
  readonly #byTable = new Map<Table, Changes>();
  #size = 0;

  /** @param maximum prefixes kept, of all tables together. */
  constructor(maximum: number) { this.#maximum = maximum; }

  get size(): number { return this.#size; }
  /** There was no room for a change: what the station knows can no longer be mended by changes. */
  get isFull(): boolean { return this.#size >= this.#maximum; }

  add(table: Table, prefix: Prefix, pathId = 0): void {
    if (this.isFull) return;
    let changes = this.#byTable.get(table);
    if (changes === undefined) this.#byTable.set(table, changes = new Map<Prefix, Set<number>>());
    const ids = changes.get(prefix);
    if (ids === undefined) {
      changes.set(prefix, pathId === 0 ? NO_ID : new Set([pathId]));
      this.#size++;
    } else if (!ids.has(pathId)) changes.set(prefix, new Set([...ids, pathId]));
  }

  /** Takes at most `maximum` prefixes of one table. Undefined: nothing is left. */
  take(maximum: number): readonly [Table, Changes] | undefined {
    const [first] = this.#byTable;
    if (first === undefined) return undefined;
    const [table, changes] = first;
    const taken: Changes = new Map();
    for (const [prefix, ids] of changes) {
      if (taken.size === maximum) break;
      taken.set(prefix, ids);
      changes.delete(prefix);
    }
    if (changes.size === 0) this.#byTable.delete(table);
    this.#size -= taken.size;
    return [table, taken];
  }

  /** The table is no longer of interest. */
  drop(table: Table): void {
    this.#size -= this.#byTable.get(table)?.size ?? 0;
    this.#byTable.delete(table);
  }

  clear(): void {
    this.#byTable.clear();
    this.#size = 0;
  }
}

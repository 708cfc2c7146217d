/** Hands every committed change to the watches it concerns. */
import { parseJson } from '../lib/json.ts';
import type { ApiObject } from './objects/object.ts';
import type { WatchBudget } from './watch-budget.ts';

/** A committed change; objects are parsed once, and only if somebody looks. */
export class LiveChange {
  readonly rv: number;
  readonly resource: string;
  readonly path: string;
  readonly deleted: boolean;
  readonly body: string;
  readonly before: string | undefined;
  #object: ApiObject | undefined;
  #previous: ApiObject | undefined;
  constructor(change: { rv: number; resource: string; path: string; deleted: boolean; body: string; before: string | undefined }) {
    this.rv = change.rv;
    this.resource = change.resource;
    this.path = change.path;
    this.deleted = change.deleted;
    this.body = change.body;
    this.before = change.before;
  }
  /** The object after the change; for a deletion its last state. Not to be changed by the reader. */
  get object(): ApiObject { return (this.#object ??= parseJson(this.body) as ApiObject); }
  get previous(): ApiObject | undefined { return this.before === undefined ? undefined : (this.#previous ??= parseJson(this.before) as ApiObject); }
}

export interface Watcher {
  readonly resource: string;
  /** Changes with `from <= path < to` concern it. */
  readonly from: string;
  readonly to: string;
  deliver(change: LiveChange): void;
  /** Nothing up to `rv` is missing. */
  bookmark(rv: number): void;
  /** The resource is no longer served, or the server stops. */
  end(): void;
}

export class WatchHub {
  readonly budget: WatchBudget;
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(budget: WatchBudget) { this.budget = budget; }

  add(watcher: Watcher): Disposable {
    const set = this.#watchers.get(watcher.resource) ?? new Set();
    this.#watchers.set(watcher.resource, set.add(watcher));
    return {
      [Symbol.dispose]: () => {
        set.delete(watcher);
        if (set.size === 0 && this.#watchers.get(watcher.resource) === set) this.#watchers.delete(watcher.resource);
      },
    };
  }

  publish(change: LiveChange): void {
    for (const watcher of [...(this.#watchers.get(change.resource) ?? [])]) {
      if (change.path >= watcher.from && change.path < watcher.to) watcher.deliver(change);
    }
  }

  bookmarks(rv: number): void { for (const watcher of this.#all()) watcher.bookmark(rv); }
  end(resource: string): void { for (const watcher of [...(this.#watchers.get(resource) ?? [])]) watcher.end(); }
  endAll(): void { for (const watcher of this.#all()) watcher.end(); }
  get size(): number { return this.#all().length; }

  #all(): Watcher[] { return [...this.#watchers.values()].flatMap((set) => [...set]); }
}

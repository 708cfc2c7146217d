/**
 * Every revision of every object, in SQLite: what is current, what was at an earlier resourceVersion, and what changed since.
 *
 * One row a revision; a write adds a row and marks the one before as superseded (a deletion supersedes itself). So the list as of R is `rv <= R` and
 * not superseded by R, and the events since R are the rows after R. Compaction forgets what only lists older than its
 * floor could need.
 *
 * Durable: `journal_mode=WAL` and `synchronous=FULL`, so COMMIT returns after the log reached the disk.
 */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { OperationError } from '../lib/errors.ts';

export interface Row { readonly rv: number; readonly path: string; readonly body: string }
export interface Change extends Row { readonly resource: string; readonly deleted: boolean; readonly before: string | undefined }

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS revisions (
    rv INTEGER PRIMARY KEY,
    resource TEXT NOT NULL,
    path TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    previous INTEGER,
    superseded INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS live ON revisions (resource, path) WHERE superseded IS NULL AND deleted = 0;
  CREATE INDEX IF NOT EXISTS history ON revisions (resource, path, rv);
  CREATE INDEX IF NOT EXISTS obsolete ON revisions (superseded) WHERE superseded IS NOT NULL;
  CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

const STATEMENTS = {
  get: 'SELECT rv, path, body FROM revisions WHERE resource = ? AND path = ? AND superseded IS NULL AND deleted = 0',
  insert: 'INSERT INTO revisions (rv, resource, path, deleted, previous, superseded, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
  supersede: 'UPDATE revisions SET superseded = ? WHERE rv = ?',
  list: 'SELECT rv, path, body FROM revisions WHERE resource = ? AND path >= ? AND path < ? AND superseded IS NULL AND deleted = 0 ORDER BY path LIMIT ?',
  listAt: `SELECT rv, path, body FROM revisions WHERE resource = ? AND path >= ? AND path < ? AND rv <= ? AND deleted = 0
           AND (superseded IS NULL OR superseded > ?) ORDER BY path LIMIT ?`,
  count: 'SELECT count(*) AS n FROM revisions WHERE resource = ? AND path >= ? AND path < ? AND rv <= ? AND deleted = 0 AND (superseded IS NULL OR superseded > ?)',
  since: `SELECT e.rv, e.resource, e.path, e.deleted, e.body, p.body AS before FROM revisions e LEFT JOIN revisions p ON p.rv = e.previous
          WHERE e.rv > ? AND e.resource = ? AND e.path >= ? AND e.path < ? ORDER BY e.rv`,
  setNumber: 'INSERT INTO numbers (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  getNumber: 'SELECT value FROM numbers WHERE name = ?',
  newest: 'SELECT max(rv) AS rv FROM revisions',
  forget: 'DELETE FROM revisions WHERE superseded <= ?',
  size: 'SELECT count(*) AS n FROM revisions WHERE superseded IS NOT NULL',
} as const;

/** Beyond every path: U+10FFFF cannot be part of a name. */
export const PATH_END = '\u{10FFFF}';

/** Secrets are in it. The files that SQLite puts beside it get its mode; those of a crash have the one of their time. */
function keepPrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  for (const path of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(path)) chmodSync(path, 0o600);
}

function openDatabase(file: string): DatabaseSync {
  try {
    keepPrivate(file);
    const db = new DatabaseSync(file);
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA cache_size=-16384; PRAGMA journal_size_limit=67108864');
    db.exec(SCHEMA);
    return db;
  } catch (error) {
    throw new OperationError('STORE_OPEN', { file }, error);
  }
}

export class Store {
  readonly #db: DatabaseSync;
  readonly #statements: { readonly [K in keyof typeof STATEMENTS]: StatementSync };
  #revision: number;
  #compacted: number;

  /** Opens or creates the database. Throws OperationError STORE_OPEN when the file is no database of ours. */
  constructor(file: string) {
    this.#db = openDatabase(file);
    this.#statements = Object.fromEntries(Object.entries(STATEMENTS).map(([name, sql]) => [name, this.#db.prepare(sql)])) as never;
    this.#revision = this.#newestRevision();
    this.#compacted = this.#number('compacted');
  }

  /** The resourceVersion of the newest write. */
  get revision(): number { return this.#revision; }
  /** Events and lists older than this are gone. */
  get compacted(): number { return this.#compacted; }

  /** How durable a commit is: `wal` and 2 (FULL) mean that it has reached the disk when it returns. */
  get durability(): { readonly journal: string; readonly synchronous: number } {
    const pragma = (name: string): unknown => Object.values(this.#db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    return { journal: String(pragma('journal_mode')), synchronous: Number(pragma('synchronous')) };
  }

  begin(): void { this.#db.exec('BEGIN IMMEDIATE'); }
  /** Returns when the writes are on the disk. */
  commit(): void { this.#db.exec('COMMIT'); }
  /** Forgets the writes since `begin`. */
  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#revision = this.#newestRevision();
    this.#compacted = this.#number('compacted');
  }

  get(resource: string, path: string): Row | undefined { return this.#statements.get.get(resource, path) as Row | undefined; }

  /** Stores a revision over `old` (the current row, undefined for a new object); `bodyAt` writes the resourceVersion into the body. */
  put(resource: string, path: string, old: Row | undefined, bodyAt: (rv: number) => string): Row {
    return this.#append(resource, path, old, false, bodyAt);
  }

  /** Deletes the current row `old`; the body of the deletion event carries the new resourceVersion. */
  remove(resource: string, old: Row, bodyAt: (rv: number) => string): Row {
    return this.#append(resource, old.path, old, true, bodyAt);
  }

  #append(resource: string, path: string, old: Row | undefined, deleted: boolean, bodyAt: (rv: number) => string): Row {
    const rv = this.#revision + 1;
    const body = bodyAt(rv);
    if (old !== undefined) this.#statements.supersede.run(rv, old.rv);
    this.#statements.insert.run(rv, resource, path, Number(deleted), old?.rv ?? null, deleted ? rv : null, body);
    this.#revision = rv;
    return { rv, path, body };
  }

  /** Objects with `from <= path < to`, in order of path; as of `at` when given. */
  list(resource: string, from: string, to: string, limit: number | undefined, at: number | undefined): Row[] {
    const max = limit ?? -1;
    const rows = at === undefined ? this.#statements.list.all(resource, from, to, max) : this.#statements.listAt.all(resource, from, to, at, at, max);
    return rows as unknown as Row[];
  }

  count(resource: string, from: string, to: string, at: number): number {
    return (this.#statements.count.get(resource, from, to, at, at) as { n: number }).n;
  }

  /** What happened after `rv`, in order. The caller has checked `rv` against `compacted`. */
  changesSince(resource: string, from: string, to: string, rv: number): Change[] {
    return (this.#statements.since.all(rv, resource, from, to) as unknown as { rv: number; resource: string; path: string; deleted: number; body: string; before: string | null }[])
      .map((row) => ({ ...row, deleted: row.deleted === 1, before: row.before ?? undefined }));
  }

  /** How many rows exist only for history. */
  historySize(): number { return (this.#statements.size.get() as { n: number }).n; }

  /** Forgets all history up to and including `floor`, which must be older than the newest revision. Inside a transaction. */
  compact(floor: number): void {
    if (floor <= this.#compacted || floor >= this.#revision) return;
    this.#statements.setNumber.run('compacted', floor);
    this.#statements.setNumber.run('revision', this.#revision);
    this.#statements.forget.run(floor);
    this.#compacted = floor;
  }

  close(): void { this.#db.close(); }

  #newestRevision(): number {
    const newest = (this.#statements.newest.get() as { rv: number | null }).rv ?? 0;
    return Math.max(newest, this.#number('revision'), 1);
  }
  #number(name: string): number { return (this.#statements.getNumber.get(name) as { value: number } | undefined)?.value ?? 0; }
}

import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Store } from '../../../apiserver/store.ts';

test('a file that is no database is named in the error', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-store-'));
  try {
    const file = join(directory, 'state.db');
    writeFileSync(file, 'no database, but long enough to be looked at'.repeat(100));
    expect(() => new Store(file)).toThrow(/^STORE_OPEN \(file=.*state\.db\): .*file is not a database$/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('nobody else may read the database, nor what SQLite keeps beside it, also when an older version made it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-store-'));
  try {
    const file = join(directory, 'state.db');
    const modes = (): string[] => readdirSync(directory).sort().map((name) => `${name} ${(statSync(join(directory, name)).mode & 0o777).toString(8)}`);
    const store = new Store(file);
    expect(modes()).toEqual(['state.db 600', 'state.db-shm 600', 'state.db-wal 600']);
    store.close();
    chmodSync(file, 0o644);
    new Store(file).close();
    expect(modes()).toEqual(['state.db 600']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

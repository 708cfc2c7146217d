import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** Files that are replaced as a whole. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readTextIfExists, writeAtomic } from '../../../sys/files.ts';

let directory = '';
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tortie-files-')); });
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

test('a file is written with its mode and replaced, and nothing else is left', async () => {
  const path = join(directory, 'state');
  await writeAtomic(path, 'one');
  expect(readFileSync(path, 'utf8')).toBe('one');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await writeAtomic(path, Buffer.from('two'), 0o666);
  expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['two', 0o666]);
  expect(readdirSync(directory)).toEqual(['state']);
});

test('writers at the same time leave one whole text', async () => {
  const path = join(directory, 'state');
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
  await Promise.all(texts.map((text) => writeAtomic(path, text)));
  expect(texts).toContain(readFileSync(path, 'utf8'));
  expect(readdirSync(directory)).toEqual(['state']);
});

test('a write that fails says why, keeps the old text and leaves nothing behind', async () => {
  const path = join(directory, 'none', 'state');
  await expect(writeAtomic(path, 'x')).rejects.toThrow(/FILE_WRITE .*none\/state.*ENOENT/);
  const folder = join(directory, 'folder');
  writeFileSync(join(directory, 'old'), 'old');
  rmSync(folder, { force: true });
  await writeAtomic(folder, 'x');
  await expect(writeAtomic(join(folder, 'state'), 'x')).rejects.toThrow(/FILE_WRITE .*ENOTDIR/);
  expect(readdirSync(directory).sort()).toEqual(['folder', 'old']);
});

test('an absent file is undefined; one that cannot be read is an error', async () => {
  expect(await readTextIfExists(join(directory, 'none'))).toBeUndefined();
  writeFileSync(join(directory, 'some'), 'text');
  expect(await readTextIfExists(join(directory, 'some'))).toBe('text');
  await expect(readTextIfExists(directory)).rejects.toThrow(/FILE_READ .*EISDIR/);
});

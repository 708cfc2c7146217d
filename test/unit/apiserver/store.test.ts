import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Commits } from '../../../apiserver/commits.ts';
import { PATH_END, Store, type Row } from '../../../apiserver/store.ts';

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tortie-store-'));
  store = new Store(join(directory, 'state.db'));
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

const put = (path: string, body: string): Row => store.put('maps', path, store.get('maps', path), (rv) => `${body}@${rv}`);
const bodies = (at?: number): string[] => store.list('maps', '', PATH_END, undefined, at).map((row) => row.body);

test('a list as of a revision is what a list then was', () => {
  put('a/x', '1');
  put('a/y', '1');
  const then = store.revision;
  const before = bodies();
  put('a/x', '2');
  store.remove('maps', store.get('maps', 'a/y')!, (rv) => `gone@${rv}`);
  put('a/z', '1');
  expect(bodies(then)).toEqual(before);
  expect(bodies()).toEqual([expect.stringMatching(/^2@/), expect.stringMatching(/^1@/)]);
  expect([store.count('maps', '', PATH_END, then), store.count('maps', '', PATH_END, store.revision)]).toEqual([2, 2]);
});

test('changes since a revision come in order, with what was before', () => {
  const first = put('a/x', '1');
  const second = put('a/x', '2');
  const gone = store.remove('maps', second, (rv) => `gone@${rv}`);
  put('b/x', 'other');
  expect(store.changesSince('maps', 'a/', 'a0', first.rv).map(({ rv, deleted, before }) => ({ rv, deleted, before }))).toEqual([
    { rv: second.rv, deleted: false, before: first.body }, { rv: gone.rv, deleted: true, before: second.body },
  ]);
});

test('compaction keeps what is current and what later events need, and is remembered', () => {
  put('a/x', '1');
  const kept = put('a/x', '2');
  const floor = kept.rv;
  const last = put('a/x', '3');
  put('a/y', '1');
  store.begin();
  store.compact(floor);
  store.commit();
  expect([store.compacted, store.historySize()]).toEqual([floor, 1]);
  expect(store.changesSince('maps', '', PATH_END, floor).map((c) => [c.rv, c.before])).toEqual([[last.rv, kept.body], [last.rv + 1, undefined]]);
  const { revision } = store;
  store.close();
  store = new Store(join(directory, 'state.db'));
  expect([store.compacted, store.revision]).toEqual([floor, revision]);
});

test('revisions go on after everything was deleted and compacted', () => {
  const row = put('a/x', '1');
  store.remove('maps', row, () => 'gone');
  const { revision } = store;
  store.begin();
  store.compact(revision - 1);
  store.commit();
  store.close();
  store = new Store(join(directory, 'state.db'));
  expect(put('a/x', '1').rv).toBe(revision + 1);
});

test('a rollback forgets revisions as if they had not been', () => {
  put('a/x', '1');
  const { revision } = store;
  store.begin();
  put('a/x', '2');
  store.rollback();
  expect([store.revision, bodies()]).toEqual([revision, [`1@${revision}`]]);
});

test('writes that arrive together are one transaction, and nobody hears of them before it is committed', async () => {
  let transactions = 0;
  const counted = { begin: () => { transactions++; store.begin(); }, commit: () => { store.commit(); } } as Store;
  const commits = new Commits(counted, () => { throw new Error('not expected'); });
  const heard: string[] = [];
  const write = (path: string): Promise<void> => new Promise((resolve) => {
    commits.begin();
    put(path, '1');
    commits.settled((error) => { heard.push(`${path} ${String(error)}`); resolve(); });
  });
  const writes = [write('a/x'), write('a/y')];
  expect(heard).toEqual([]);
  await new Promise((resolve) => { setImmediate(resolve); });
  writes.push(write('a/z')); // was in the socket when the first two were written
  await Promise.all(writes);
  expect(heard).toEqual(['a/x undefined', 'a/y undefined', 'a/z undefined']);
  expect(transactions).toBe(1);
  commits.settled(() => { heard.push('at once'); });
  expect(heard).toHaveLength(4);
});

test('a transaction ends however long writes keep arriving', async () => {
  const commits = new Commits(store, () => { throw new Error('not expected'); });
  let heard = false;
  let turns = 0;
  for (; !heard && turns < 100; turns++) {
    commits.begin();
    put(`a/${turns}`, '1');
    commits.settled(() => { heard = true; });
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  commits.flush();
  expect(turns).toBeLessThan(20);
});

test('when a commit fails, everybody who waits is told, and nothing of the turn is left', () => {
  let reloaded = 0;
  const commits = new Commits(store, () => { reloaded += 1; });
  const { revision } = store;
  commits.begin();
  put('a/x', '1');
  const errors: unknown[] = [];
  commits.settled((error) => { errors.push(error); });
  const failure = new Error('disk full');
  commits.abort(failure);
  expect([errors, reloaded, store.revision, bodies()]).toEqual([[failure], 1, revision, []]);
});

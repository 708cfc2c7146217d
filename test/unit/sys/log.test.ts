/** What a log line holds. */
import { expect, test } from '@jest/globals';
import { makeLog } from '../../../sys/log.ts';

function lines(level: string): { readonly log: ReturnType<typeof makeLog>; readonly read: () => Record<string, unknown>[] } {
  const written: string[] = [];
  return { log: makeLog('bgpd', { level, write: (line) => { written.push(line); } }), read: () => written.map((l) => JSON.parse(l) as Record<string, unknown>) };
}

test('a line is JSON with time, level in words, name, event and fields', () => {
  const { log, read } = lines('info');
  log.info('session.up', { peer: 'tor', asn: 64512 });
  log.child({ peer: 'b' }).warn('fib.retry', { error: new Error('no route') });
  expect(read()).toMatchObject([
    { level: 'info', name: 'bgpd', pid: process.pid, event: 'session.up', peer: 'tor', asn: 64512 },
    { level: 'warn', event: 'fib.retry', peer: 'b', error: { message: 'no route' } },
  ]);
  expect(read()[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
});

test('the level may change; children follow, undefined means as at the start', () => {
  const { log, read } = lines('warn');
  const child = log.child({ peer: 'b' });
  child.info('a');
  log.setLevel('debug');
  child.debug('b');
  log.setLevel(undefined);
  child.info('c');
  log.setLevel('silent');
  log.error('d');
  expect(read().map((l) => l['event'])).toEqual(['b']);
});

test('lines below the level are left out; an unknown level is info', () => {
  const quiet = lines('warn');
  quiet.log.debug('a'); quiet.log.info('b'); quiet.log.warn('c'); quiet.log.error('d');
  expect(quiet.read().map((l) => l['event'])).toEqual(['c', 'd']);
  const odd = lines('shouting');
  odd.log.debug('a'); odd.log.info('b');
  expect(odd.read().map((l) => l['event'])).toEqual(['b']);
});

/** Strangers fill no log. */
import { expect, test } from '@jest/globals';
import { Refusals } from '../../../bgpd/refusals.ts';
import { ip } from '../../../lib/ip/text.ts';
import { silentLog } from '../../../lib/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function refusing() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const refusals = new Refusals({ clock, log: { ...silentLog, info: (event, fields) => { lines.push(`${event} ${String(fields?.['from'])} ${String(fields?.['count'])}`); } } });
  return { clock, lines, refusals, note: (address: string, times = 1): void => { for (let i = 0; i < times; i++) refusals.note(ip(address)); } };
}

test('the first connection of an address is told at once, the others with their count once a minute', () => {
  const { clock, lines, note } = refusing();
  note('192.0.2.1', 500);
  note('2001:db8::1');
  expect(lines.splice(0)).toEqual(['connection.refused 192.0.2.1 1', 'connection.refused 2001:db8::1 1']);
  clock.advance(60_000);
  expect(lines.splice(0)).toEqual(['connection.refused 192.0.2.1 499']);
  note('192.0.2.1', 3);
  expect(lines).toEqual([]);
  clock.advance(60_000);
  expect(lines.splice(0)).toEqual(['connection.refused 192.0.2.1 3']);
  clock.advance(60_000);
  expect([lines, clock.timers]).toEqual([[], 0]);
  note('192.0.2.1');
  expect(lines).toEqual(['connection.refused 192.0.2.1 1']);
});

test('addresses without end share a line', () => {
  const { clock, lines, note } = refusing();
  for (let i = 0; i < 10_000; i++) note(`2001:db8::${i.toString(16)}`);
  expect([lines.length, lines.at(-1)]).toEqual([257, 'connection.refused others 1']);
  clock.advance(60_000);
  expect(lines.slice(257)).toEqual([`connection.refused others ${10_000 - 257}`]);
});

test('nothing is left to be done when it ends', () => {
  const { clock, refusals, note } = refusing();
  note('192.0.2.1', 2);
  refusals[Symbol.dispose]();
  expect(clock.timers).toBe(0);
});

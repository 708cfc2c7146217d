/** Who is at the other end of a link, by what is heard on it. */
import { expect, test } from '@jest/globals';
import { advertisement, heard, NOBODY, routerMessage, solicitation } from '../../../../bgpd/links/discovery.ts';
import { ip } from '../../../../lib/ip/text.ts';

const [A, B] = [ip('fe80::a'), ip('fe80::b')];

test('the first router that is heard is the neighbour, and stays it while it is heard', () => {
  const first = heard(NOBODY, A, 1_000, false);
  expect(first.neighbour).toBe(A);
  expect(heard(first, B, 2_000, false)).toBe(first);
  expect(heard(heard(first, A, 29_000, false), B, 40_000, false).neighbour).toBe(A);
});

test('another takes its place when it has been silent for half a minute, but not while a session stands', () => {
  const first = heard(NOBODY, A, 0, false);
  expect(heard(first, B, 30_000, true).neighbour).toBe(A);
  expect(heard(first, B, 29_999, false).neighbour).toBe(A);
  expect(heard(first, B, 30_000, false).neighbour).toBe(B);
});

test('after the link was away the first that is heard is it, session or not', () => {
  const doubtful = { ...heard(NOBODY, A, 0, false), isDoubtful: true };
  expect(heard(doubtful, B, 10, true)).toEqual({ neighbour: B, heardAtMs: 10, isDoubtful: false });
  expect(heard(doubtful, A, 10, true)).toEqual({ neighbour: A, heardAtMs: 10, isDoubtful: false });
});

test('what we send makes no default router of us (RFC 4861 section 4.2)', () => {
  const message = advertisement();
  expect([message.length, message[0], (message[6]! << 8) | message[7]!]).toEqual([16, 134, 0]);
  expect(routerMessage(message, A)).toBe('advertisement');
  expect(routerMessage(solicitation(), ip('::'))).toBe('solicitation');
});

/** As `tshark` saw them: FRR 8.4 on a link with an unnumbered peer (lifetime 30, its MAC address), BIRD 2.0.12 with `default lifetime 0`. */
const FRR = '8600b6b34000001e00000000000000000101caf4382ac08b';
const BIRD = '86007b85400000000000000000000000';

test.each([['FRR', FRR], ['BIRD', BIRD]])('an advertisement of %s is understood', (_who, hex) => {
  expect(routerMessage(Buffer.from(hex, 'hex'), A)).toBe('advertisement');
});

test.each([
  ['nothing', '', 'fe80::a'], ['a short advertisement', '8600a0f3400000', 'fe80::a'], ['one from no link-local address', FRR, 'fd00::a'],
  ['an option of length 0', `${'8600'.padEnd(32, '0')}0100000000000000`, 'fe80::a'],
  ['an option that overruns', `${'8600'.padEnd(32, '0')}0102000000000000`, 'fe80::a'],
  ['half an option', `${'8600'.padEnd(32, '0')}01`, 'fe80::a'], ['a short solicitation', '85000000', 'fe80::a'],
  ['another type', '87000000'.padEnd(48, '0'), 'fe80::a'],
])('%s is discarded', (_what, hex, from) => { expect(routerMessage(Buffer.from(hex, 'hex'), ip(from))).toBeUndefined(); });

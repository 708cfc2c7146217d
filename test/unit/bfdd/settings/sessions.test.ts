/** Sessions from the control socket: what is taken, and what is refused with which words. */
import { expect, test } from '@jest/globals';
import { bfdSessionKey } from '../../../../config/messages/bfd-control.ts';
import { checkedSessions, quickest } from '../../../../bfdd/settings/sessions.ts';

const GOOD = { peer: '192.0.2.1', multihop: false, transmitMs: 300, receiveMs: 300, multiplier: 3 };

test('a good one is taken as it is, without what is not ours, with addresses in one spelling', () => {
  expect(checkedSessions([{ ...GOOD, extra: 1 }])).toEqual([GOOD]);
  expect(checkedSessions([{ ...GOOD, peer: 'FE80:0::1', interface: 'eth0' }])).toEqual([{ ...GOOD, peer: 'fe80::1', interface: 'eth0' }]);
});

test.each([
  ['nothing', undefined, 'a list'], ['a bad peer', [{ ...GOOD, peer: 'x' }], 'an IP address'], ['no object', [7], 'an object'],
  ['too quick', [{ ...GOOD, transmitMs: 9 }], '10..60000'], ['too slow', [{ ...GOOD, receiveMs: 60_001 }], '10..60000'],
  ['no multiplier', [{ ...GOOD, multiplier: 0 }], '1..255'], ['half a millisecond', [{ ...GOOD, transmitMs: 10.5 }], '10..60000'],
  ['another family', [{ ...GOOD, local: '::1' }], 'family of the peer'], ['link-local alone', [{ ...GOOD, peer: 'fe80::1' }], 'link-local'],
  ['an interface over several hops', [{ ...GOOD, multihop: true, interface: 'eth0' }], 'multihop'],
  ['a bad interface', [{ ...GOOD, interface: 'a/b' }], 'interface'], ['a bad TTL', [{ ...GOOD, minimumTtl: 256 }], '1..255'],
])('%s is refused', (_name, sessions, words) => { expect(() => checkedSessions(sessions)).toThrow(words); });

test('sessions are told apart by peer, ends and hops, not by timings', () => {
  const [a] = checkedSessions([GOOD]) as [ReturnType<typeof checkedSessions>[0]];
  expect(bfdSessionKey({ ...a, transmitMs: 1000 })).toBe(bfdSessionKey(a));
  expect(new Set([a, { ...a, multihop: true }, { ...a, local: '192.0.2.9' }, { ...a, interface: 'eth0' }].map(bfdSessionKey)).size).toBe(4);
  expect(quickest(a, { ...a, transmitMs: 50, receiveMs: 900, multiplier: 2 })).toMatchObject({ transmitMs: 50, receiveMs: 300, multiplier: 2 });
});

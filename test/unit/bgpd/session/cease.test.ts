/** The Cease of each way to end a session. */
import { expect, test } from '@jest/globals';
import { ceaseFor, maximumPrefixesReached, type StopReason } from '../../../../bgpd/session/cease.ts';
import { describeNotification } from '../../../../bgpd/wire/notification.ts';

test.each<[StopReason, number]>([
  ['shutdown', 2], ['deconfigured', 3], ['reset', 4], ['configuration-changed', 6], ['bfd-down', 10],
])('%s is 6/%i', (reason, subcode) => {
  expect(ceaseFor(reason)).toEqual({ type: 'notification', code: 6, subcode, data: new Uint8Array(0) });
});

test('a message goes with a shutdown and a reset, and with nothing else (RFC 9003)', () => {
  expect(describeNotification(ceaseFor('shutdown', 'back at noon'))).toBe('Cease: administrative shutdown ("back at noon")');
  expect(ceaseFor('reset', 'hi').data).toEqual(Uint8Array.of(2, 104, 105));
  expect(ceaseFor('deconfigured', 'hi').data).toHaveLength(0);
});

test('too many prefixes: it carries address family and limit (RFC 4486 §4)', () => {
  expect(maximumPrefixesReached('ipv6', 1000)).toEqual({ type: 'notification', code: 6, subcode: 1, data: Uint8Array.of(0, 2, 1, 0, 0, 3, 0xe8) });
});

/** The Cease of each way to end a session. */
import { expect, test } from '@jest/globals';
import { ceaseFor, type StopReason } from '../../../../bgpd/session/cease.ts';
import { describeNotification } from '../../../../bgpd/wire/notification.ts';

test.each<[StopReason, number]>([
  ['maximum-prefixes', 1], ['shutdown', 2], ['deconfigured', 3], ['reset', 4], ['configuration-changed', 6], ['bfd-down', 10],
])('%s is 6/%i', (reason, subcode) => {
  expect(ceaseFor(reason)).toEqual({ type: 'notification', code: 6, subcode, data: new Uint8Array(0) });
});

test('a message goes with a shutdown and a reset, and with nothing else (RFC 9003)', () => {
  expect(describeNotification(ceaseFor('shutdown', 'back at noon'))).toBe('Cease: administrative shutdown ("back at noon")');
  expect(ceaseFor('reset', 'hi').data).toEqual(Uint8Array.of(2, 104, 105));
  expect(ceaseFor('deconfigured', 'hi').data).toHaveLength(0);
});

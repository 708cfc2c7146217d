import { expect, test } from '@jest/globals';
import { WireError } from '../../../../bgpd/wire/errors.ts';

test('the error carries the NOTIFICATION to send, and its data outlives the buffer it was read from', () => {
  const buffer = Buffer.of(1, 2, 3);
  const error = new WireError('hold time 1 s is not acceptable', 2, 6, buffer.subarray(1));
  buffer.fill(0);
  expect(error.notification).toEqual({ type: 'notification', code: 2, subcode: 6, data: Uint8Array.of(2, 3) });
  expect(error.message).toBe('hold time 1 s is not acceptable');
});

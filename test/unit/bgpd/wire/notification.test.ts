import { expect, test } from '@jest/globals';
import { CEASE, ERROR, FSM_ERROR, HEADER_ERROR, OPEN_ERROR, ROUTE_REFRESH_ERROR, UPDATE_ERROR } from '../../../../bgpd/wire/constants.ts';
import { describeNotification, hardReset, shutdownCommunication } from '../../../../bgpd/wire/notification.ts';

test.each([
  [4, 0, 'Hold timer expired'],
  [2, 2, 'OPEN message error: bad peer AS'],
  [1, 0, 'Message header error'],
  [3, 11, 'UPDATE message error: malformed AS_PATH'],
  [5, 3, 'Finite state machine error: unexpected message in Established'],
  [6, 7, 'Cease: connection collision resolution'],
  [7, 1, 'ROUTE-REFRESH message error: invalid message length'],
  [3, 77, 'UPDATE message error: subcode 77'],
  [99, 3, 'Error 99, subcode 3'],
])('%d/%d is "%s"', (code, subcode, text) => {
  expect(describeNotification({ code, subcode })).toBe(text);
});

test('every assigned code and subcode has a text of its own', () => {
  const subcodes = new Map<number, object>([
    [ERROR.header, HEADER_ERROR], [ERROR.open, OPEN_ERROR], [ERROR.update, UPDATE_ERROR], [ERROR.fsm, FSM_ERROR],
    [ERROR.cease, CEASE], [ERROR.routeRefresh, ROUTE_REFRESH_ERROR],
  ]);
  const texts = Object.values(ERROR).flatMap((code) =>
    (Object.values(subcodes.get(code) ?? { unspecific: 0 }) as number[]).map((subcode) => describeNotification({ code, subcode })));
  expect(new Set(texts).size).toBe(texts.length);
  for (const text of texts) expect(text).not.toMatch(/\d/);
});

test('a shutdown communication is shown, without control characters', () => {
  const data = shutdownCommunication('back at noon\u001b[2J');
  expect(describeNotification({ code: 6, subcode: 2, data })).toBe('Cease: administrative shutdown ("back at noon [2J")');
  expect(describeNotification({ code: 6, subcode: 3, data })).toBe('Cease: peer de-configured');
});

test('a shutdown communication that is longer than its data is not shown', () => {
  expect(describeNotification({ code: 6, subcode: 2, data: Uint8Array.of(5, 65) })).toBe('Cease: administrative shutdown');
});

test('a long shutdown communication is cut at a character', () => {
  const data = shutdownCommunication('ü'.repeat(200));
  expect(data[0]).toBe(254);
  expect(new TextDecoder('utf-8', { fatal: true }).decode(data.subarray(1))).toBe('ü'.repeat(127));
});

test('a Hard Reset says what is inside it, and a nested or cut one only what it is', () => {
  const inner = { type: 'notification', code: 6, subcode: 2, data: shutdownCommunication('bye') } as const;
  expect([...hardReset(inner).data]).toEqual([6, 2, 3, 98, 121, 101]);
  expect(describeNotification(hardReset(inner))).toBe('Cease: hard reset (Cease: administrative shutdown ("bye"))');
  expect(describeNotification(hardReset(hardReset(inner)))).toBe('Cease: hard reset');
  expect(describeNotification({ code: 6, subcode: 9, data: Uint8Array.of(6) })).toBe('Cease: hard reset');
});

/** What people are told about a session that is not there. */
import { expect, test } from '@jest/globals';
import { infoOf } from '../../../bgpd/status.ts';
import type { SessionState } from '../../../config/messages/bgpd-control.ts';

const HINT = 'MD5 key mismatch?';
const infoFor = (info: string, state: SessionState = 'Active'): string => infoOf({ peer: { status: () => ({ state, info }) }, suspicion: () => HINT });

test.each([
  '', 'Connection timed out', 'Connection timed out (last: Cease: other configuration change, by the peer)', 'Connection refused',
  'sent: Hold timer expired', 'received: Hold timer expired',
])('segments that the kernel dropped may be behind %j', (info) => { expect(infoFor(info)).toBe(info === '' ? HINT : `${info}; ${HINT}`); });

test.each([
  'held down by an operator ("x")', 'sent: OPEN message error: role mismatch', 'sent: Cease: maximum number of prefixes reached',
  'received: Cease: administrative shutdown', 'Connection refused (last: Cease: administrative shutdown ("x"), by the peer)', 'Connection reset by peer',
])('they are not behind %j', (info) => { expect(infoFor(info)).toBe(info); });

test('nor behind a session that is up', () => { expect(infoFor('', 'Established')).toBe(''); });

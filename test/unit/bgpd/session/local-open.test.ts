/** What we say in our OPEN, and what we leave out. */
import { expect, test } from '@jest/globals';
import { localOpen, withheldAfter } from '../../../../bgpd/session/local-open.ts';
import { capabilities, openMessage, sessionSettings } from '../../../support/session-builders.ts';

const FRESH = { restarted: false, forwardingPreserved: [] } as const;
const FULL = sessionSettings({
  families: ['ipv4', 'ipv6'], notificationRestart: true, longLivedStaleSeconds: 3600, addPath: { send: true, receive: false },
  extendedNextHop: true, extendedMessages: true, role: { local: 'provider', strict: false },
});

test('without anything optional it offers the families, 4-octet AS and route refresh of both sorts', () => {
  expect(localOpen(sessionSettings({ restartTimeSeconds: undefined }), FRESH))
    .toEqual(openMessage({ capabilities: { families: ['ipv4'], enhancedRouteRefresh: true } }));
});

test('offers all that is configured', () => {
  expect(localOpen(FULL, { restarted: true, forwardingPreserved: ['ipv6'] }).capabilities).toEqual(capabilities({
    enhancedRouteRefresh: true, extendedMessages: true, extendedNextHop: true, role: 'provider',
    addPath: [{ family: 'ipv4', send: true, receive: false }, { family: 'ipv6', send: true, receive: false }],
    gracefulRestart: {
      restarted: true, notification: true, restartTimeSeconds: 120,
      families: [{ family: 'ipv4', forwardingPreserved: false }, { family: 'ipv6', forwardingPreserved: true }],
    },
    longLived: [{ family: 'ipv4', forwardingPreserved: false, staleSeconds: 3600 }, { family: 'ipv6', forwardingPreserved: true, staleSeconds: 3600 }],
  }));
});

test.each<[number, string[]]>([
  [2, ['routeRefresh', 'enhancedRouteRefresh']], [5, ['extendedNextHop']], [6, ['extendedMessages']], [9, ['role']],
  [64, ['gracefulRestart', 'longLived']], [69, ['addPath']], [70, ['enhancedRouteRefresh']], [71, ['longLived']], [65, ['fourOctetAs']],
])('without capability %i, %p are not said, and the rest is', (code, gone) => {
  const [full, less] = [localOpen(FULL, FRESH), localOpen(FULL, FRESH, [code])].map((open) => open.capabilities as unknown as Record<string, unknown>);
  const changed = Object.keys(full!).filter((key) => JSON.stringify(full![key]) !== JSON.stringify(less![key]));
  expect(changed.sort()).toEqual([...gone].sort());
  for (const key of gone) expect([undefined, false, 0]).toContain(Array.isArray(less![key]) ? (less![key] as unknown[]).length : less![key]);
});

test('only an Unsupported Capability or Parameter changes what is withheld', () => {
  const notification = (code: number, subcode: number, ...data: number[]) => ({ type: 'notification' as const, code, subcode, data: Uint8Array.from(data) });
  const withheld = [69];
  for (const other of [notification(2, 2), notification(2, 6), notification(6, 7), notification(3, 7)]) {
    expect(withheldAfter(withheld, other)).toBe(withheld);
  }
  expect(withheldAfter(withheld, notification(2, 7, 64, 2, 0, 120, 71))).toEqual([69, 64]);
});

test.each<[string, number[]]>([
  ['what is left out already', [69, 0]], ['a family, which we cannot do without', [1, 4, 0, 2, 0, 1]], ['nothing', []], ['something cut short', [6]], ['what nobody sends', [200, 0]],
])('a peer that names %s misses something: it is offered all again', (_name, data) => {
  expect(withheldAfter([69], { type: 'notification', code: 2, subcode: 7, data: Uint8Array.from(data) })).toEqual([]);
});

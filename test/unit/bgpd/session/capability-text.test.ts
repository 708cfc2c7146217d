/** Capabilities in words. */
import { expect, test } from '@jest/globals';
import { describeCapabilities } from '../../../../bgpd/session/capability-text.ts';
import { capabilitiesWith } from '../../../../bgpd/wire/context.ts';

test('nothing is said of what was not said', () => {
  expect(describeCapabilities(capabilitiesWith())).toEqual([]);
});

test('each capability has its line', () => {
  expect(describeCapabilities(capabilitiesWith({
    families: ['ipv4', 'ipv6'], fourOctetAs: true, routeRefresh: true, enhancedRouteRefresh: true, extendedMessages: true, extendedNextHop: true,
    addPath: [{ family: 'ipv4', send: true, receive: true }, { family: 'ipv6', send: false, receive: true }], role: 'customer',
    gracefulRestart: { restarted: true, notification: true, restartTimeSeconds: 120, families: [{ family: 'ipv4', forwardingPreserved: true }, { family: 'ipv6', forwardingPreserved: false }] },
    longLived: [{ family: 'ipv4', forwardingPreserved: true, staleSeconds: 3600 }],
    unknown: [{ code: 99, value: Uint8Array.of(1, 255) }, { code: 128, value: new Uint8Array(0) }],
  }))).toEqual([
    'address families: ipv4, ipv6', '4-octet AS numbers', 'route refresh', 'enhanced route refresh', 'extended messages', 'IPv6 next hops for ipv4',
    'add path: ipv4 send and receive, ipv6 receive', 'role: customer',
    'graceful restart: 120 s, restarted, also after a NOTIFICATION, ipv4 (forwarding preserved), ipv6',
    'long-lived graceful restart: 3600 s ipv4 (forwarding preserved)', 'capability 99: 01ff', 'route refresh (before RFC 2918)',
  ]);
});

test('the name of the host, as FRR sends it; other text than a name stays bytes', () => {
  const said = (...value: number[]): string[] => describeCapabilities(capabilitiesWith({ unknown: [{ code: 73, value: Uint8Array.from(value) }] }));
  expect(said(2, 0x76, 0x6d, 0)).toEqual(['host name: vm']);
  expect([said(2, 0x1b, 0x5b, 0), said()]).toEqual([['capability 73: 021b5b00'], ['capability 73']]);
});

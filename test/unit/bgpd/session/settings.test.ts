/** What a session is to offer, from the configuration. */
import { expect, test } from '@jest/globals';
import { settingsFor } from '../../../../bgpd/session/settings.ts';
import type { PeerConfig } from '../../../../config/messages/speaker-config.ts';
import { globalSection, peerConfig } from '../../../support/speaker-config.ts';

const global = globalSection({ asn: 65001, routerId: '10.0.0.1' });
const settings = (some: Partial<PeerConfig> = {}, address = '10.0.0.2') =>
  settingsFor(global, peerConfig(address, { asn: 65002, families: ['ipv6', 'ipv4'], connectRetrySeconds: 30, ...some }));

test("come from the peer's configuration, with the global section behind it; only extended messages are on unasked", () => {
  expect(settings()).toEqual({
    localAsn: 65001, peerAsn: 65002, routerId: 0x0a000001, families: ['ipv4', 'ipv6'], holdTimeSeconds: 90,
    keepaliveSeconds: undefined, connectRetrySeconds: 30, passive: false, restartTimeSeconds: 120, notificationRestart: false,
    longLivedStaleSeconds: undefined, addPath: undefined, extendedNextHop: false, extendedMessages: true, role: undefined,
  });
});

test('a peer may have its own local AS and restart time, or no graceful restart', () => {
  expect(settings({ localAsn: 64999, restartTimeSeconds: 7 })).toMatchObject({ localAsn: 64999, restartTimeSeconds: 7 });
  expect(settings({ gracefulRestart: false }).restartTimeSeconds).toBeUndefined();
});

test.each(['', '0.0.0.0', '::1', 'ten'])('router ID %j is refused by name', (routerId) => {
  expect(() => settingsFor({ ...global, routerId }, peerConfig('10.0.0.2'))).toThrow(/routerId/);
});

test('N and a long-lived stale time come with graceful restart, or not at all', () => {
  const some = { notificationRestart: true, longLivedStaleSeconds: 3600 };
  expect(settings(some)).toMatchObject({ notificationRestart: true, longLivedStaleSeconds: 3600 });
  expect(settings({ ...some, gracefulRestart: false })).toMatchObject({ notificationRestart: false, longLivedStaleSeconds: undefined });
});

test('IPv6 next hops for IPv4 need a session over IPv6 that speaks IPv4', () => {
  expect(settings({ extendedNextHop: true }, 'fd00::2').extendedNextHop).toBe(true);
  expect(settings({ extendedNextHop: true }, 'fe80::2').extendedNextHop).toBe(true);
  expect(settings({ extendedNextHop: true }).extendedNextHop).toBe(false);
  expect(settings({ extendedNextHop: true, families: ['ipv6'] }, 'fd00::2').extendedNextHop).toBe(false);
});

test('a role is for external neighbours, ADD-PATH for one direction at least', () => {
  const role = { local: 'peer', strict: true } as const;
  expect([settings({ role }), settings({ role, asn: 'external' }), settings({ role, asn: 65001 }), settings({ role, asn: 'internal' })].map((s) => s.role))
    .toEqual([role, role, undefined, undefined]);
  expect(settings({ addPath: { send: false, receive: false } }).addPath).toBeUndefined();
  expect(settings({ extendedMessages: false }).extendedMessages).toBe(false);
});

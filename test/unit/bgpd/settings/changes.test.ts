/** What each change of a peer's configuration demands of its session. */
import { expect, test } from '@jest/globals';
import { demandOf, type Demand } from '../../../../bgpd/settings/changes.ts';
import type { PeerConfig } from '../../../../config/messages/speaker-config.ts';
import { globalSection, peerConfig } from '../../../support/speaker-config.ts';

const global = globalSection();
const config = peerConfig('fd00::1', { families: ['ipv4', 'ipv6'], localAsn: 65001 });

/** A value for every field that differs from that of `config`. A field without one does not compile. */
const CHANGES: { readonly [K in keyof Required<PeerConfig>]: readonly [PeerConfig[K], Demand] } = {
  name: ['other', 'policy'], origin: ['mesh', 'policy'], address: ['fd00::2', 'reset'], port: [1790, 'next-session'], asn: ['external', 'reset'],
  localAsn: [65002, 'reset'], sourceAddress: ['fd00::9', 'reset'], passive: [true, 'next-session'], families: [['ipv6'], 'reset'], holdTimeSeconds: [30, 'reset'],
  keepaliveSeconds: [5, 'next-session'], connectRetrySeconds: [9, 'next-session'], restartTimeSeconds: [7, 'next-session'], gracefulRestart: [false, 'next-session'],
  nextHop: ['self', 'policy'], allowLocalAs: [1, 'policy'], importFilters: [['f'], 'policy'], exportFilters: [['f'], 'policy'], interface: ['eth0', 'reset'],
  password: ['x', 'policy'], ttlSecurityHops: [1, 'policy'], reflectorClient: [true, 'policy'], behindUs: [true, 'reset'], addPath: [{ send: true, receive: false }, 'reset'],
  extendedNextHop: [true, 'reset'], extendedMessages: [false, 'next-session'], role: [{ local: 'peer', strict: false }, 'reset'],
  notificationRestart: [true, 'next-session'], longLivedStaleSeconds: [60, 'next-session'], gracefulShutdown: [true, 'policy'],
  maximumPrefixes: [{ limit: 1, action: 'warn' }, 'policy'], asOverride: [true, 'policy'], removePrivateAs: [true, 'policy'],
  defaultOriginate: [['ipv4'], 'policy'], bfd: [{ hops: 'auto', transmitMs: 300, receiveMs: 300, multiplier: 3 }, 'policy'], shutdown: [{ message: '' }, 'policy'],
};

test.each(Object.entries(CHANGES))('%s', (field, [value, demand]) => {
  const after = { global, config: { ...config, [field]: value } };
  for (const result of [demandOf({ global, config }, after), demandOf(after, { global, config })]) {
    expect(result.demand).toBe(demand);
    expect(result.fields).toContain(field);
  }
  expect(demandOf(after, after)).toEqual({ demand: 'nothing', fields: [] });
});

test('of several changes the heaviest decides, and only its fields are named', () => {
  expect(demandOf({ global, config }, { global, config: { ...config, port: 1, passive: true, allowLocalAs: 1 } })).toEqual({ demand: 'next-session', fields: ['port', 'passive'] });
});

test('the global section counts as far as the peer does not say otherwise', () => {
  const bare = peerConfig('fd00::1');
  const change = (some: Parameters<typeof globalSection>[0], peer = bare) => demandOf({ global, config: peer }, { global: globalSection(some), config: peer });
  expect(change({ routerId: '192.0.2.253' })).toEqual({ demand: 'reset', fields: ['routerId'] });
  expect(change({ asn: 64999 })).toEqual({ demand: 'reset', fields: ['localAsn'] });
  expect(change({ asn: 64999 }, config).demand).toBe('nothing');
  expect(change({ gracefulRestart: { restartTimeSeconds: 7 } })).toEqual({ demand: 'next-session', fields: ['restartTimeSeconds'] });
  expect(change({ gracefulRestart: { restartTimeSeconds: 7 } }, { ...bare, gracefulRestart: false }).demand).toBe('nothing');
});

test('what comes to the same is no change', () => {
  const same = (a: Partial<PeerConfig>, b: Partial<PeerConfig>): Demand => demandOf({ global, config: { ...config, ...a } }, { global, config: { ...config, ...b } }).demand;
  expect(same({ families: ['ipv4', 'ipv6'] }, { families: ['ipv6', 'ipv4'] })).toBe('nothing');
  expect(same({}, { extendedMessages: true })).toBe('nothing');
  expect(same({}, { addPath: { send: false, receive: false } })).toBe('nothing');
  expect(demandOf({ global, config: peerConfig('fd00::1') }, { global, config: peerConfig('fd00::1', { localAsn: 64512 }) }).demand).toBe('nothing');
});

/** A SpeakerConfig in which every field there is has a value. */
import type { PeerConfig, SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { globalSection, peerConfig } from '../support/speaker-config.ts';

const RICH_PEER: PeerConfig = peerConfig('192.0.2.1', {
  name: 'rich', asn: 65001, localAsn: 64513, sourceAddress: '192.0.2.254', keepaliveSeconds: 10, restartTimeSeconds: 60, interface: 'eth0', password: 'secret',
  ttlSecurityHops: 2, addPath: { send: true, receive: true }, extendedMessages: true, role: { local: 'provider', strict: false }, notificationRestart: true,
  longLivedStaleSeconds: 100, gracefulShutdown: false, maximumPrefixes: { limit: 10, warningPercent: 50, action: 'warn', restartSeconds: 5 },
  asOverride: true, removePrivateAs: true, defaultOriginate: ['ipv4'], bfd: { hops: 'auto', transmitMs: 300, receiveMs: 300, multiplier: 3 },
  shutdown: { message: 'works' }, importFilters: ['all'], exportFilters: ['all'], allowLocalAs: 1,
});
const { name: _name, address: _address, ...template } = peerConfig('192.0.2.2', { asn: 'external' });

export const RICH_CONFIG: SpeakerConfig = {
  global: globalSection({
    logLevel: 'info', clusterId: '1.1.1.1', gracefulShutdown: false, guards: { martians: true, ownBlocks: true, except: ['198.51.100.0/24'] },
    listen: { port: 179, addresses: ['192.0.2.254'] },
    kernel: { filter: 'all', metric6: 1024, metricFromLocalPref: true, redistribute: 'all', ignoredInterfaces: ['veth*'] },
    bmp: { stations: [{ name: 'station', address: '192.0.2.200', port: 11019, monitor: ['pre-policy', 'post-policy', 'loc-rib'], statisticsSeconds: 60 }] },
  }),
  filters: { filters: [{
    name: 'all', otherwise: 'accept', rules: [{
      prefixes: [{ prefix: '10.0.0.0/8', minLength: 9, maxLength: 32 }], notPrefixes: [{ prefix: '10.1.0.0/16' }], sources: ['ebgp'], interfaces: ['eth*'],
      sessions: ['ebgp'], communities: ['65000:1', '65000:1:2'], asPathPrefix: [65001], localPref: 100, minLocalPref: 1,
      set: { addCommunities: ['65000:2'], removeCommunities: ['65000:3'], prependAsns: [65000], localPref: 1, med: 2 }, action: 'next',
    }],
  }] },
  originate: { routes: [{ prefix: '10.244.0.0/26', blackhole: true, localPref: 100 }], statics: [{ prefix: '10.9.0.0/24', via: '192.0.2.9' }] },
  peers: {
    peers: [RICH_PEER, peerConfig('192.0.2.3', { name: 'client', reflectorClient: true, behindUs: true }), peerConfig('fd00::3', { name: 'six', asn: 65002, extendedNextHop: true })],
    dynamic: [{ name: 'range', prefix: '198.51.100.0/24', maximumPeers: 10, template }],
    unnumbered: [{ name: 'link', interface: 'eth1', template: { ...template, families: ['ipv6'], extendedNextHop: true } }],
  },
};

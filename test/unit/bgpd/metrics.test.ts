/** Metrics of peers: what each says, the last error as a number, a large mesh under one name. */
import { expect, test } from '@jest/globals';
import { metricsText } from '../../../bgpd/metrics.ts';
import type { PeerDetail, SpeakerStatus } from '../../../config/messages/bgpd-control.ts';

const NOW = 1_700_000_060_000;
const none = { open: 0, update: 0, keepalive: 0, notification: 0, routeRefresh: 0, bytes: 0 };
const peer = (name: string, some: Partial<PeerDetail> = {}): PeerDetail => ({
  name, origin: 'global', address: '192.0.2.1', asn: 65001, state: 'Established', sinceMs: NOW - 60_000, info: '', families: ['ipv4'],
  holdTimeSeconds: 90, keepaliveSeconds: 30, received: 7, stale: 2, advertised: 3, endOfRib: [], gracefulRestart: true,
  counters: { messagesIn: 10, messagesOut: 11, updatesIn: 4, updatesOut: 2, established: 3 }, lastError: null,
  port: 179, localAsn: 64512, localAddress: null, interface: null, kind: 'ebgp', remoteRouterId: null, capabilities: null, passive: false, md5: false,
  ttlSecurityHops: null, timers: {}, perFamily: { ipv4: { received: 8, accepted: 7, stale: 2, advertised: 3, endOfRib: true } },
  messages: { in: { ...none, update: 4, bytes: 512 }, out: { ...none, notification: 1 } }, errors: [], maximumPrefixes: null, importFilters: [], exportFilters: [], ...some,
});
const status: SpeakerStatus = {
  version: 1, software: 'x', routerId: '10.0.0.1', asn: 64512, startedAtMs: NOW - 90_000, restarting: false, peers: [],
  routes: { ipv4: { prefixes: 9, paths: 12, installed: 8 }, ipv6: { prefixes: 0, paths: 0, installed: 0 } }, originated: [], problems: [],
};
const lines = async (peers: readonly PeerDetail[]): Promise<string[]> =>
  (await metricsText(status, peers, NOW)).split('\n').filter((line) => line.startsWith('tortie_bgp_peer'));

test('a peer that is up', async () => {
  const text = await lines([peer('tor')]);
  expect(text).toEqual(expect.arrayContaining([
    'tortie_bgp_peer_up{peer="tor"} 1', 'tortie_bgp_peer_state{peer="tor"} 6', 'tortie_bgp_peer_uptime_seconds{peer="tor"} 60', 'tortie_bgp_peer_established_total{peer="tor"} 3',
    'tortie_bgp_peer_prefixes_received{peer="tor",family="ipv4"} 8', 'tortie_bgp_peer_prefixes_accepted{peer="tor",family="ipv4"} 7',
    'tortie_bgp_peer_prefixes_advertised{peer="tor",family="ipv4"} 3', 'tortie_bgp_peer_routes_stale{peer="tor"} 2',
    'tortie_bgp_peer_messages_total{peer="tor",direction="in",type="update"} 4', 'tortie_bgp_peer_messages_total{peer="tor",direction="out",type="notification"} 1',
    'tortie_bgp_peer_bytes_in_total{peer="tor"} 512', 'tortie_bgp_peer_last_error{peer="tor"} 0', 'tortie_bgp_peer_admin_down{peer="tor"} 0',
  ]));
});

test('a peer that is down says by what number', async () => {
  const text = await lines([peer('tor', { state: 'Active', shutdown: '', errors: [{ atMs: 0, text: 'x', bytes: '0602' }, { atMs: 1, text: 'Connection refused', bytes: '' }] })]);
  expect(text).toEqual(expect.arrayContaining([
    'tortie_bgp_peer_up{peer="tor"} 0', 'tortie_bgp_peer_state{peer="tor"} 3', 'tortie_bgp_peer_uptime_seconds{peer="tor"} 0',
    `tortie_bgp_peer_last_error{peer="tor"} ${6 * 256 + 2}`, 'tortie_bgp_peer_admin_down{peer="tor"} 1',
  ]));
});

test('above a hundred mesh peers these are summed, the others are not', async () => {
  const mesh = Array.from({ length: 101 }, (_, i) => peer(`Mesh_${i}`, { origin: 'mesh' }));
  const text = await lines([...mesh, peer('tor')]);
  expect(text).toEqual(expect.arrayContaining(['tortie_bgp_peer_up{peer="mesh"} 101', 'tortie_bgp_peer_prefixes_received{peer="mesh",family="ipv4"} 808', 'tortie_bgp_peer_state{peer="tor"} 6']));
  expect(text.filter((line) => line.includes('Mesh_') || line.includes('state{peer="mesh"}'))).toEqual([]);
});

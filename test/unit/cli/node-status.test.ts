import { expect, test } from '@jest/globals';
import { showStatus } from '../../../cli/node-status.ts';
import type { PeerStatus, SpeakerStatus } from '../../../config/messages/bgpd-control.ts';

const NOON = Date.UTC(2026, 0, 2, 12, 0, 0);
const peer = (more: Partial<PeerStatus>): PeerStatus => ({
  name: 'p', origin: 'mesh', address: '10.0.0.2', asn: 64512, state: 'Established', sinceMs: NOON - 3_000, info: '', families: ['ipv4'],
  holdTimeSeconds: 90, keepaliveSeconds: 30, received: 1, stale: 0, advertised: 1, endOfRib: [], gracefulRestart: true,
  counters: { messagesIn: 0, messagesOut: 0, updatesIn: 0, updatesOut: 0, established: 1 }, lastError: null, ...more,
});
const status = (peers: PeerStatus[], problems: SpeakerStatus['problems'] = []): SpeakerStatus => ({
  version: 1, software: 'x', routerId: '10.0.0.1', asn: 64512, startedAtMs: 0, restarting: false, peers,
  routes: { ipv4: { prefixes: 0, paths: 0, installed: 0 }, ipv6: { prefixes: 0, paths: 0, installed: 0 } }, originated: [], problems,
});

test('each family has its table; a peer that is not up says why', () => {
  expect(showStatus(status([
    peer({}),
    peer({ origin: 'global', address: '192.0.2.1', state: 'Active', info: 'Connection refused', sinceMs: NOON - 86_400_000 }),
  ]), NOON)).toBe(`
IPv4 BGP status
+--------------+-------------------+-------+------------+---------------------------+
| PEER ADDRESS | PEER TYPE         | STATE | SINCE      | INFO                      |
+--------------+-------------------+-------+------------+---------------------------+
| 10.0.0.2     | node-to-node mesh | up    | 11:59:57   | Established               |
| 192.0.2.1    | global            | start | 2026-01-01 | Active Connection refused |
+--------------+-------------------+-------+------------+---------------------------+

IPv6 BGP status
No IPv6 peers found.

`);
});

test('stale routes and problems are shown', () => {
  const text = showStatus(status([peer({ address: 'fd00::2', origin: 'node', stale: 3 })], [{ path: 'BGPPeer/x.spec.asNumber', message: '0 is bad' }]), NOON);
  expect(text).toContain('No IPv4 peers found.');
  expect(text).toMatch(/\| fd00::2 +\| node specific +\| up +\| 11:59:57 \| Established \(3 stale routes\) \|/);
  expect(showStatus(status([peer({ stale: 1 })]), NOON)).toContain('(1 stale route)');
  expect(text).toContain('problem: BGPPeer/x.spec.asNumber: 0 is bad\n');
});

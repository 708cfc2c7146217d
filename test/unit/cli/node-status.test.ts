import { expect, test } from '@jest/globals';
import { askAgent } from '../../../cli/agents.ts';
import { showNodes, showStatus } from '../../../cli/node-status.ts';
import type { PeerStatus, SpeakerStatus } from '../../../config/messages/bgpd-control.ts';
import { OperationError } from '../../../lib/errors.ts';
import type { KubeClient } from '../../../sys/kube/client.ts';

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

test('all nodes are asked at once; one that does not answer holds up no other and is named', async () => {
  const asked: string[] = [];
  const ask = (node: string): Promise<SpeakerStatus> => {
    asked.push(node);
    return node === 'n1' ? new Promise((_, reject) => { setImmediate(() => { reject(new Error(`n1 is away; asked by then: ${asked.join()}`)); }); }) : Promise.resolve(status([]));
  };
  await expect(showNodes(['n1', 'n2', 'n3'], new Map([['n1', 'p1'], ['n2', 'p2']]), 'none', ask)).rejects.toThrow('n1 is away; asked by then: n1,n2\nno agent runs on node "n3"');
});

test('an agent is asked once and not for long, and what its server says is passed on without our request', async () => {
  let patience: unknown;
  const refused = new OperationError('KUBE_REFUSED', { request: 'GET /long/path', status: 503, said: 'dial tcp 10.0.0.9:9098: no route' });
  const kube = { raw: (...args: unknown[]) => { patience = args[3]; return Promise.reject(refused); } } as unknown as KubeClient;
  await expect(askAgent(kube, 'n9', 'pod', '/v1/x')).rejects.toThrow(/^the agent of node n9 does not answer: dial tcp 10\.0\.0\.9:9098: no route$/);
  expect(patience).toEqual({ timeoutMs: 5_000, attempts: 1 });
});

test('an agent that answers is not called silent when bgpd is', async () => {
  const said = 'BGPD_SILENT (method=status): bgpd has not answered within 4 s';
  const kube = { raw: () => Promise.reject(new OperationError('KUBE_REFUSED', { request: 'GET', status: 503, reason: '', said })) } as unknown as KubeClient;
  await expect(askAgent(kube, 'n9', 'pod', '/v1/x')).rejects.toThrow(`node n9: ${said}`);
});

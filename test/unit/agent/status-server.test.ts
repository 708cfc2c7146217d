import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startStatusServer, type StatusPorts, type StatusServer } from '../../../agent/status-server.ts';
import type { PeerDetail, RoutesRequest, SpeakerStatus } from '../../../config/messages/bgpd-control.ts';
import { OperationError } from '../../../lib/errors.ts';

let server: StatusServer;
let reason = '';
let asked: RoutesRequest | undefined;
const ports: StatusPorts = {
  notReady: () => reason,
  metrics: () => Promise.resolve('a 1\n'),
  bgpStatus: () => Promise.resolve({ version: 1 } as SpeakerStatus),
  bgpPeer: (peer) => (peer === 'tor' ? Promise.resolve({ name: 'tor' } as PeerDetail) : Promise.reject(new OperationError('NO_PEER', { peer }))),
  bgpRoutes: (request) => { asked = request; return Promise.resolve({ routes: [], truncated: false }); },
  attachments: () => [],
  problems: () => [{ path: 'IPPool/x.spec', message: 'bad' }],
  drain: () => ({ phase: 'announcing', sinceMs: 7, leftMs: 5, message: 'm' }),
};

beforeEach(async () => { server = await startStatusServer(0, ports); });
afterEach(async () => { await server[Symbol.asyncDispose](); });

async function get(path: string, method = 'GET'): Promise<readonly [number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return [response.status, await response.text()];
}

test('health is always well; readiness says why not', async () => {
  reason = 'the API server has not answered yet';
  expect([await get('/healthz'), await get('/readyz')]).toEqual([[200, 'ok\n'], [503, `${reason}\n`]]);
  reason = '';
  expect(await get('/readyz')).toEqual([200, 'ok\n']);
});

test('metrics, problems and attachments', async () => {
  expect([await get('/metrics'), await get('/v1/problems'), await get('/v1/cni/attachments')]).toEqual([
    [200, 'a 1\n'], [200, '{"problems":[{"path":"IPPool/x.spec","message":"bad"}]}\n'], [200, '{"attachments":[]}\n'],
  ]);
});

test('how far a drain has come', async () => {
  expect(await get('/v1/drain')).toEqual([200, '{"phase":"announcing","sinceMs":7,"leftMs":5,"message":"m"}\n']);
});

test('routes are asked of bgpd with the query', async () => {
  expect(await get('/v1/bgp/routes?family=ipv6&prefix=fd00::/64&peer=p&limit=5')).toEqual([200, '{"routes":[],"truncated":false}\n']);
  expect(asked).toEqual({ family: 'ipv6', prefix: 'fd00::/64', peer: 'p', limit: 5 });
  await get('/v1/bgp/routes?view=received&peer=p&best=true&longer=false');
  expect(asked).toEqual({ view: 'received', peer: 'p', best: true });
});

test('a bgpd that does not answer is 503 with the reason', async () => {
  await using other = await startStatusServer(0, { ...ports, bgpStatus: () => Promise.reject(new OperationError('RPC_CONNECT', { path: '/x' })) });
  const response = await fetch(`http://127.0.0.1:${other.port}/v1/bgp/status`);
  expect([response.status, await response.json()]).toEqual([503, { error: 'RPC_CONNECT (path=/x)' }]);
});

test('one peer in detail; one that is not there is 404', async () => {
  expect(await get('/v1/bgp/peer?name=tor')).toEqual([200, '{"name":"tor"}\n']);
  expect(await get('/v1/bgp/peer?name=x')).toEqual([404, '{"error":"NO_PEER (peer=x)"}\n']);
  expect(await get('/v1/bgp/peer')).toEqual([400, expect.stringContaining("expected a peer's name or address")]);
});

test('bad questions are refused by name', async () => {
  expect(await get('/v1/bgp/routes?family=ipx')).toEqual([400, expect.stringContaining('expected ipv4 or ipv6')]);
  expect(await get('/v1/bgp/routes?view=all')).toEqual([400, expect.stringContaining('expected candidates, received, accepted, advertised')]);
  expect(await get('/v1/bgp/routes?best=yes')).toEqual([400, expect.stringContaining('expected true or false')]);
  expect(await get('/v1/bgp/routes?limit=0')).toEqual([400, expect.stringContaining('limit=0')]);
  expect(await get('/etc/passwd')).toEqual([404, expect.stringContaining('expected /healthz')]);
  expect(await get('/healthz', 'POST')).toEqual([405, expect.stringContaining('expected GET')]);
});

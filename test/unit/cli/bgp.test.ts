/** What `tortiectl bgp` prints and asks, and what it says about sessions that are down. */
import { expect, test } from '@jest/globals';
import { shutdownsIn, changeAnnotation } from '../../../cli/bgp-annotations.ts';
import { routesQuery } from '../../../cli/bgp-nodes.ts';
import { allPages, nothingFound, showRoutes } from '../../../cli/bgp-paths.ts';
import { showPeer } from '../../../cli/bgp-peer.ts';
import { showPeers } from '../../../cli/bgp-peers.ts';
import { diagnose } from '../../../cli/bgp-remedies.ts';
import { routesRequest } from '../../../cli/bgp-routes.ts';
import { showSummary } from '../../../cli/bgp-summary.ts';
import { showDuration } from '../../../cli/durations.ts';
import type { PathView, PeerDetail, SpeakerStatus } from '../../../config/messages/bgpd-control.ts';
import type { KubeClient } from '../../../sys/kube/client.ts';

const NOW = Date.UTC(2026, 0, 2, 12);
const none = { open: 0, update: 0, keepalive: 0, notification: 0, routeRefresh: 0, bytes: 0 };

const peer = (some: Partial<PeerDetail> = {}): PeerDetail => ({
  name: 'Global_192_0_2_1', origin: 'global', address: '192.0.2.1', asn: 65001, state: 'Established', sinceMs: NOW - 65_000, info: '', families: ['ipv4'],
  holdTimeSeconds: 90, keepaliveSeconds: 30, received: 7, stale: 0, advertised: 3, endOfRib: ['ipv4'], gracefulRestart: true,
  counters: { messagesIn: 10, messagesOut: 11, updatesIn: 4, updatesOut: 2, established: 1 }, lastError: null,
  port: 179, localAsn: 64512, localAddress: '192.0.2.9', interface: null, kind: 'ebgp', remoteRouterId: '192.0.2.1',
  capabilities: { local: ['route refresh', 'graceful restart: 120 s'], remote: ['route refresh'] }, passive: false, md5: true, ttlSecurityHops: null,
  timers: { hold: 85_000, keepalive: 12_000 }, perFamily: { ipv4: { received: 8, accepted: 7, stale: 0, advertised: 3, endOfRib: true } },
  messages: { in: { ...none, open: 1, update: 4, bytes: 512 }, out: { ...none, open: 1, bytes: 300 } },
  errors: [{ atMs: NOW - 3_600_000, text: 'received: Cease: administrative reset', bytes: '0604' }],
  maximumPrefixes: { limit: 1000, warningPercent: 75 }, importFilters: ['tor-in'], exportFilters: [], ...some,
});

const path = (some: Partial<PathView>): PathView => ({
  peer: 'a', nextHop: '192.0.2.1', asPath: '65001', origin: 'igp', localPref: 100, med: null, communities: [], extendedCommunities: [], largeCommunities: [],
  originatorId: null, clusterList: [], otc: null, pathId: null, best: false, installed: false, stale: false, reason: 'lost to a shorter AS path', ...some,
});

test('a peer in full', () => {
  expect(showPeer('n1', peer(), NOW)).toBe(`peer Global_192_0_2_1 of node n1 (global, external)
  state:            Established for 1m5s
  neighbour:        192.0.2.1 port 179, AS 65001, router ID 192.0.2.1
  here:             192.0.2.9, AS 64512
  session:          ipv4, hold time 90 s, keepalive 30 s, MD5
  timers:           hold in 1m25s, keepalive in 12s
  import filters:   tor-in
  maximum prefixes: 1000, warning from 75 %
  established:      1 time since bgpd started

FAMILY   RECEIVED   ACCEPTED   STALE   ADVERTISED   END-OF-RIB   
ipv4     8          7          0       3            yes

MESSAGES   OPEN   UPDATE   KEEPALIVE   NOTIFICATION   REFRESH   BYTES   
in         1      4        0           0              0         512     
out        1      0        0           0              0         300

OUR CAPABILITIES          THEIR CAPABILITIES   
route refresh             route refresh        
graceful restart: 120 s

LAST ERRORS (UTC)                                             NOTIFICATION   
2026-01-02T11:00:00   received: Cease: administrative reset   0604

`);
});

test('no times are shown that nobody has agreed on', () => {
  const down = { state: 'Active', holdTimeSeconds: 0, keepaliveSeconds: 0, families: [] } as const;
  expect(showPeer('n1', peer(down), NOW)).toMatch(/^ {2}session: +MD5$/m);
  expect(showPeer('n1', peer({ ...down, md5: false }), NOW)).not.toContain('session:');
});

test.each<[string, Partial<PeerDetail>, RegExp, RegExp]>([
  ['nobody listens', { info: 'Connection refused' }, /nothing accepts connections at 192\.0\.2\.1 port 179/, /BGP runs there/],
  ['no route', { info: 'No route to host' }, /no way to 192\.0\.2\.1/, /ip route get 192\.0\.2\.1/],
  ['MD5, as the kernel counts it', { info: 'Connection timed out; MD5 key mismatch? Segments without a key are dropped here', md5: true }, /another password than ours, or with none/, /an end of line counts/],
  ['MD5, after a NOTIFICATION', { info: 'Connection timed out (last: Hold timer expired, by us); MD5 key mismatch? Segments without a key are dropped here', md5: true }, /or with none/, /compare the Secret/],
  ['MD5 of theirs alone', { info: 'Connection timed out; signed segments are dropped here: does the peer have a password that is missing here?', md5: false }, /demands a password that we do not have/, /compare/],
  ['MD5', { info: 'Connection timed out', md5: true }, /passwords differ/, /TcpExtTCPMD5Failure/],
  ['a password of theirs alone', { info: 'Connection timed out', md5: false }, /demands a password/, /firewalls for TCP port 179/],
  ['GTSM', { info: 'Connection timed out', md5: false, ttlSecurityHops: 1 }, /farther away than ttlSecurity/, /TTL 255/],
  ['AS mismatch', { info: 'received: OPEN error: bad peer AS' }, /local AS is 64512 and the neighbour is expected in AS 65001/, /localASNumber/],
  ['hold timer', { info: 'sent: Hold timer expired' }, /nothing was heard/, /ping 192\.0\.2\.1/],
  ['their limit', { info: 'received: Cease: maximum number of prefixes reached', maximumPrefixes: null }, /takes no more prefixes/, /bgp advertised/],
  ['our limit', { info: 'more than 1000 ipv4 prefixes received' }, /the limit of 1000/, /bgp clear/],
  ['a shutdown of ours', { info: 'x', shutdown: 'rack moves' }, /holds it down: "rack moves"/, /bgp enable/],
  ['a shutdown of theirs', { info: 'Connection refused (last: Cease: administrative shutdown ("rack 7 moves"), by the peer)' }, /^an operator of the neighbour has shut the session down: rack 7 moves$/, /ask there/],
  ['waiting', { info: '', passive: true }, /waits for the neighbour to dial/, /not passive itself/],
  ['anything else', { info: 'the moon is full' }, /^the moon is full$/, /errors below/],
])('why it is down: %s', (_name, some, why, remedy) => {
  const diagnosis = diagnose(peer({ state: 'Active', ...some }));
  expect(diagnosis?.why).toMatch(why);
  expect(diagnosis?.remedy).toMatch(remedy);
});

test('a session that is up needs no diagnosis', () => { expect(diagnose(peer({ info: 'Connection refused' }))).toBeUndefined(); });

test('routes: marks, the step that decided, what only some paths have', () => {
  const text = showRoutes({ truncated: true, routes: [{ prefix: '10.2.0.0/26', paths: [
    path({ peer: 'b', best: true, installed: true, reason: 'higher local preference', localPref: 200, communities: ['65001:7'], largeCommunities: ['1:2:3'], pathId: 5 }),
    path({ stale: true, otc: 65001, clusterList: ['10.0.0.9'], originatorId: '10.0.0.1' }),
  ] }] }, 'candidates');
  const [head, best, other, , legend, more] = text.split('\n');
  expect(head).toMatch(/PREFIX +PEER +NEXT HOP +AS PATH +ORIGIN +LOCAL PREF +MED +DECISION/);
  expect(best).toMatch(/^>\* +10\.2\.0\.0\/26 +b .*200 +- +higher local preference; path ID 5; communities 65001:7; large 1:2:3/);
  expect(other).toMatch(/^s +a .*lost to a shorter AS path; originator 10\.0\.0\.1; clusters 10\.0\.0\.9; only to customer 65001/);
  expect([legend, more]).toEqual(['> best, * forwards, s stale', 'there are more than these 1 prefixes: name a prefix, or use --limit']);
  expect(showRoutes({ routes: [], truncated: false }, 'candidates')).toBe('no routes\n');
});

test('where nothing is found, it is said what was looked for', () => {
  expect(nothingFound({})).toBe('no routes\n');
  expect(nothingFound({ prefix: '10.9.0.1' })).toBe('no route to 10.9.0.1\n');
  expect(nothingFound({ prefix: '10.0.0.0/8', longer: true })).toBe('no routes inside 10.0.0.0/8\n');
  expect(nothingFound({ prefix: '10.0.0.0/8' })).toMatch(/^no route of just 10\.0\.0\.0\/8: .*--longer.* shows what lies inside/);
});

test('a long answer is asked for in pieces, each behind the last prefix of the one before', async () => {
  const asked: (number | string | undefined)[][] = [];
  const agent = { routes: ({ limit, after }: { limit?: number; after?: string }) => {
    asked.push([limit, after]);
    const from = after === undefined ? 0 : Number(after.split('.')[3]!.split('/')[0]) + 1;
    return Promise.resolve({ routes: [{ prefix: `10.0.0.${from}/32`, paths: [] }], truncated: from < 2 });
  } };
  expect(await allPages(agent, { limit: 20_000 })).toEqual({ routes: [0, 1, 2].map((i) => ({ prefix: `10.0.0.${i}/32`, paths: [] })), truncated: false });
  expect(asked).toEqual([[10_000, undefined], [10_000, '10.0.0.0/32'], [10_000, '10.0.0.1/32']]);
  expect((await allPages(agent, { limit: 1 })).truncated).toBe(true);
});

test('what is sent has no marks, and says where it was learned', () => {
  const text = showRoutes({ truncated: false, routes: [{ prefix: '10.2.0.0/26', paths: [path({ communities: ['1:1'] })] }] }, 'advertised');
  expect(text).toMatch(/^PREFIX +LEARNED FROM +NEXT HOP/);
  expect(text).not.toContain('forwards');
  const kept = showRoutes({ truncated: false, routes: [{ prefix: '10.2.0.0/26', paths: [path({ reason: 'community NO_EXPORT', unsent: true })] }] }, 'advertised');
  expect(kept).toContain('not sent: community NO_EXPORT');
});

test('options that do not go together are refused; the others become a question', () => {
  expect(routesRequest('10.0.0.0/8', { longer: true, best: true })).toEqual({ view: 'candidates', limit: 1000, prefix: '10.0.0.0/8', best: true, longer: true });
  expect(routesRequest(undefined, { peer: 'p', in: 'pre' })).toEqual({ view: 'received', limit: 1000, peer: 'p' });
  expect(routesRequest(undefined, { peer: 'p', out: true, limit: '5' })).toEqual({ view: 'advertised', limit: 5, peer: 'p' });
  expect(routesQuery({ view: 'received', peer: 'a b', best: true, limit: 3 })).toBe('peer=a+b&view=received&best=true&limit=3');
  for (const [prefix, options, words] of [
    [undefined, { in: 'pre' }, 'need --peer'], [undefined, { peer: 'p', in: 'post', out: true }, 'exclude each other'], [undefined, { in: 'x' }, 'expected pre or post'],
    ['10.0.0.0/99', {}, 'is no prefix'], ['10.0.0.9/24', {}, '"10.0.0.9/24" has bits beyond its length: expected 10.0.0.0/24, or an address alone'], ['10.0.0.1', { longer: true }, 'needs a prefix'], [undefined, { family: 'ipx' }, 'expected ipv4 or ipv6'], [undefined, { limit: '0' }, 'expected 1..9999999'],
  ] as const) expect(() => routesRequest(prefix, options)).toThrow(words);
});

const status = (peers: SpeakerStatus['peers']): SpeakerStatus => ({
  version: 1, software: 'x', routerId: '10.0.0.1', asn: 64512, startedAtMs: NOW - 90_000_000, restarting: false, peers,
  routes: { ipv4: { prefixes: 9, paths: 12, installed: 8 }, ipv6: { prefixes: 0, paths: 0, installed: 0 } }, originated: ['10.1.0.0/26'], problems: [{ path: 'a', message: 'b' }],
});

test('the summary of a node, and the peers of all', () => {
  const down = peer({ name: 'x', state: 'Active', asn: 0, info: 'Connection refused', stale: 2 });
  const text = showSummary('n1', status([peer(), down]), NOW);
  expect(text).toMatch(/^node n1, router ID 10\.0\.0\.1, AS 64512, up for 1d1h\nipv4: 9 prefixes, 12 paths, 8 in the kernel\nannounces 1 of its own\n/);
  expect(text).toMatch(/x +192\.0\.2\.1 +- +Active +1m5s +7 +3 +10 +11 +Connection refused, 2 stale/);
  expect(text).toMatch(/problem: a: b\n$/);
  expect(showPeers({ n1: [peer()], n2: [peer({ shutdown: 'rack', state: 'Idle', info: 'x' })] }, NOW)).toMatch(/n2 +Global_192_0_2_1 .* Idle .* shut down by hand: rack/);
});

test('times in words', () => {
  expect([0, 999, 59_000, 60_000, 3_661_000, 90_000_000].map(showDuration)).toEqual(['0s', '0s', '59s', '1m', '1h1m', '1d1h']);
});

test('an annotation is changed with a compare-and-swap, and read again when somebody was quicker', async () => {
  const patches: unknown[] = [];
  let version = 1;
  const kube = {
    get: () => Promise.resolve({ metadata: { name: 'n1', resourceVersion: String(version), annotations: { a: `old${version}` } } }),
    patch: (_r: unknown, _n: string, patch: unknown) => { patches.push(patch); return Promise.resolve(version++ < 2 ? 'conflict' : {}); },
  } as unknown as KubeClient;
  await changeAnnotation(kube, 'n1', 'a', (text) => `${text ?? ''}+`);
  expect(patches).toEqual([
    { metadata: { resourceVersion: '1', annotations: { a: 'old1+' } } }, { metadata: { resourceVersion: '2', annotations: { a: 'old2+' } } },
  ]);
});

test('shutdowns that are not ours to read are not overwritten', () => {
  expect(shutdownsIn('n1', undefined)).toEqual({});
  expect(shutdownsIn('n1', '{"p":"why"}')).toEqual({ p: 'why' });
  for (const text of ['[]', '{"p":7}', 'x']) expect(() => shutdownsIn('n1', text)).toThrow('correct it by hand');
});

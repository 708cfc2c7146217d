/** Export rules: what each kind of peer is sent of each kind of route, and why not. */
import { expect, test } from '@jest/globals';
import { exportRoute, withheld, type ExportTarget, type Outbound } from '../../../../bgpd/rib/export.ts';
import { RouteTable, type Route, type Source } from '../../../../bgpd/rib/route.ts';
import type { AsPathSegment, NextHop, PathAttributes } from '../../../../bgpd/wire/message.ts';
import type { BgpRole } from '../../../../config/messages/speaker-config.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, originated, path, route, source } from '../../../support/rib-builders.ts';
import { wireContext } from '../../../support/session-builders.ts';

const SELF = { address: ip('192.0.2.254') };

const target = (external: boolean, some: Partial<ExportTarget> = {}): ExportTarget =>
  ({ family: 'ipv4', localAsn: 64512, nextHop: 'auto', self: SELF, interfaceIndex: 0, wire: wireContext({ external }), ...some });

const [INTERNAL, EXTERNAL] = [target(false), target(true)];

function from(kind: 'client' | Source['kind'], some: Partial<PathAttributes> = {}): Route {
  const table = new RouteTable();
  if (kind === 'originated') return table.intern(originated(), attributes(some), undefined, undefined);
  return route(table, source({ routerId: 77, ...(kind === 'client' ? { kind: 'ibgp', isReflectorClient: true } : { kind }) }), some);
}

const behindUs = (): Route => route(new RouteTable(), source({ kind: 'ebgp', isBehindUs: true }));

const CLUSTER = 9;
const [CLIENT, NON_CLIENT] = [true, false].map((toClients) => target(false, { reflection: { toClients, clusterId: CLUSTER } })) as [ExportTarget, ExportTarget];

function sent(of: Route, to: ExportTarget): Outbound {
  const result = exportRoute(of, to);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

test.each([
  ['what an internal peer taught us, to internal ones', from('ibgp'), INTERNAL, 'learned from an internal peer'],
  ['what a non-client taught us, to non-clients', from('ibgp'), NON_CLIENT, 'learned from an internal peer'],
  ['NO_ADVERTISE, to internal ones', from('ebgp', { communities: [0xffffff02] }), INTERNAL, 'community NO_ADVERTISE'],
  ['NO_ADVERTISE, to external ones', from('ebgp', { communities: [0xffffff02] }), EXTERNAL, 'community NO_ADVERTISE'],
  ['NO_EXPORT, to external ones', from('ibgp', { communities: [1, 0xffffff01] }), EXTERNAL, 'community NO_EXPORT'],
  ['NO_EXPORT_SUBCONFED, to external ones', from('ibgp', { communities: [0xffffff03] }), EXTERNAL, 'community NO_EXPORT_SUBCONFED'],
  ['NOPEER, to a peer by role', from('ibgp', { communities: [0xffffff04] }), target(true, { role: 'peer' }), 'community NOPEER'],
  ['a neighbour\'s BLACKHOLE, to external ones', from('ebgp', { communities: [0xffff029a] }), EXTERNAL, 'community BLACKHOLE'],
  ['LLGR_STALE, to those who do not understand it', from('ebgp', { communities: [0xffff0006] }), INTERNAL, 'long-lived stale, which the peer would not understand'],
  ['OTC, to a provider', from('ebgp', { otc: 1 }), target(true, { role: 'customer' }), 'only for customers (OTC)'],
  ['OTC, to a route server', from('originated', { otc: 1 }), target(true, { role: 'route-server-client' }), 'only for customers (OTC)'],
  ['OTC, to a peer', from('ibgp', { otc: 1 }), target(true, { role: 'peer' }), 'only for customers (OTC)'],
])('withheld: %s', (_name, of, to, reason) => { expect(withheld(of, to)).toBe(reason); });

test.each([
  ['NO_EXPORT, to internal peers', from('ebgp', { communities: [0xffffff01] }), INTERNAL],
  ['NO_EXPORT_SUBCONFED, to internal peers', from('ebgp', { communities: [0xffffff03] }), INTERNAL],
  ['NOPEER, without roles and to customers', from('ebgp', { communities: [0xffffff04] }), target(true, { role: 'provider' })],
  ['our own BLACKHOLE, to external peers', from('originated', { communities: [0xffff029a] }), EXTERNAL],
  ['a neighbour\'s BLACKHOLE, to internal peers', from('ebgp', { communities: [0xffff029a] }), INTERNAL],
  ['LLGR_STALE, to those who understand it', from('ebgp', { communities: [0xffff0006] }), target(true, { longLived: true })],
  ['OTC, to a customer', from('ebgp', { otc: 1 }), target(true, { role: 'provider' })],
  ['OTC, where roles are not agreed', from('ebgp', { otc: 1 }), EXTERNAL],
  ['an internal route, to external peers', from('ibgp'), EXTERNAL],
  ['an external route, to external peers', from('ebgp'), EXTERNAL],
  ['from a client to a client', from('client'), CLIENT],
  ['from a client to a non-client', from('client'), NON_CLIENT],
  ['from a non-client to a client', from('ibgp'), CLIENT],
  ['from the kernel, to a non-client', from('kernel'), NON_CLIENT],
])('not withheld: %s', (_name, of, to) => { expect(withheld(of, to)).toBeUndefined(); });

test.each([
  ['own routes of a family in which we have no address', from('originated'), target(false, { self: undefined }), 'no ipv4 address to name as next hop'],
  ['a next hop of the other family', from('ebgp'), target(true, { family: 'ipv6', nextHop: 'keep' }), 'no ipv6 address to name as next hop'],
])('cannot be said: %s', (_name, of, to, reason) => { expect(exportRoute(of, to)).toBe(reason); });

const VIA = { address: ip('198.51.100.1') };
test.each([
  ['own route, internal', from('originated'), INTERNAL, SELF],
  ['own route, external', from('originated'), EXTERNAL, SELF],
  ['own route, keep', from('originated'), target(true, { nextHop: 'keep' }), SELF],
  ['external route to an internal peer', from('ebgp'), INTERNAL, VIA],
  ['external route to an internal peer, self', from('ebgp'), target(false, { nextHop: 'self' }), SELF],
  ['external route to an internal peer, of a neighbour behind us', behindUs(), INTERNAL, SELF],
  ['of a neighbour behind us, keep', behindUs(), target(false, { nextHop: 'keep' }), VIA],
  ['external route to an external peer', from('ebgp'), EXTERNAL, SELF],
  ['external route to an external peer, keep', from('ebgp'), target(true, { nextHop: 'keep' }), VIA],
  ['internal route to an external peer', from('ibgp'), EXTERNAL, SELF],
  ['internal route to an external peer on the link of the next hop', from('ibgp'), target(true, { interfaceIndex: 7 }), VIA],
  ['internal route to an external peer on another link', from('ibgp'), target(true, { interfaceIndex: 8 }), SELF],
  ['internal route to an external peer on the link of the next hop, self', from('ibgp'), target(true, { interfaceIndex: 7, nextHop: 'self' }), SELF],
])('next hop: %s', (_name, of, to, expected) => { expect(sent(of, to).nextHop).toEqual(expected); });

test('a next hop behind a router on the link that we share is not on that link', () => {
  const hops = nextHops({ '198.51.100.1': { gateway: ip('192.0.2.9') } });
  const of = route(new RouteTable(), source({ kind: 'ibgp' }), {}, '198.51.100.1', hops);
  expect(sent(of, target(true, { interfaceIndex: 7 })).nextHop).toEqual(SELF);
});

test('a link-local next hop goes to peers on its link alone', () => {
  const [self6, linkLocal] = [{ address: ip('2001:db8::254') }, ip('fe80::1')];
  const [near, far] = [7, 8].map((interfaceIndex) => target(false, { family: 'ipv6', self: self6, interfaceIndex }));
  const of = (nextHop: NextHop): Route => {
    const table = new RouteTable();
    return table.intern(source(), attributes(), nextHop, nextHops().hop(nextHop, 7, ip('2001:db8::9')));
  };
  const both = { address: ip('2001:db8::1'), linkLocal };
  expect(sent(of(both), near!).nextHop).toEqual(both);
  expect(sent(of(both), far!).nextHop).toEqual({ address: both.address });
  const alone = { address: linkLocal, linkLocal };
  expect(sent(of(alone), near!).nextHop).toEqual(alone);
  expect(sent(of(alone), far!).nextHop).toEqual(self6);
});

test('to an internal peer the path stays as it is and LOCAL_PREF is always there', () => {
  const some = { asPath: path(65001), med: 5, originatorId: 3, clusterList: [4] };
  expect(sent(from('ebgp', { ...some, localPref: 999 }), INTERNAL).attributes).toEqual(attributes({ ...some, localPref: 100 }));
  expect(sent(from('originated'), INTERNAL).attributes).toEqual(attributes({ localPref: 100 }));
});

test('to an external peer our AS is prepended; LOCAL_PREF, reflection and a foreign MED stay inside', () => {
  const of = from('ibgp', { asPath: path(65001, 65002), med: 5, localPref: 200, originatorId: 3, clusterList: [4], communities: [6] });
  expect(sent(of, EXTERNAL).attributes).toEqual(attributes({ asPath: path(64512, 65001, 65002), communities: [6] }));
  expect(sent(from('originated', { med: 7 }), EXTERNAL).attributes).toEqual(attributes({ asPath: path(64512), med: 7 }));
});

test('the AS number prepended is that of the session', () => {
  expect(sent(from('originated'), target(true, { localAsn: 65530 })).attributes.asPath).toEqual(path(65530));
});

test('what is reflected tells who brought it and which clusters it passed; nothing else changes', () => {
  const some = { asPath: path(65001), med: 5, localPref: 300 };
  expect(sent(from('client', some), NON_CLIENT)).toEqual({ attributes: attributes({ ...some, originatorId: 77, clusterList: [CLUSTER] }), nextHop: VIA });
  expect(sent(from('ibgp', { ...some, originatorId: 3, clusterList: [4, 5] }), CLIENT).attributes)
    .toEqual(attributes({ ...some, originatorId: 3, clusterList: [CLUSTER, 4, 5] }));
  expect(sent(from('ebgp', some), CLIENT).attributes).toEqual(attributes({ ...some, localPref: 100 }));
});

test('a next hop of IPv6 is named for IPv4 routes only where both sides said so; else we name ourselves', () => {
  const of = route(new RouteTable(), source({ kind: 'ebgp' }), {}, '2001:db8::9');
  expect(sent(of, target(false, { wire: wireContext({ external: false, extendedNextHop: true }) })).nextHop).toEqual({ address: ip('2001:db8::9') });
  expect(sent(of, INTERNAL).nextHop).toEqual(SELF);
  expect(exportRoute(of, target(false, { nextHop: 'keep' }))).toBe('no ipv4 address to name as next hop');
});

test.each<[string, Partial<ExportTarget>, readonly AsPathSegment[], readonly AsPathSegment[]]>([
  ['as override', { overriddenAsn: 65001 }, path(65001, 9, 65001), path(64512, 64512, 9, 64512)],
  ['as override in a set', { overriddenAsn: 65001 }, [{ type: 'set', asns: [65001, 9] }], [...path(64512), { type: 'set', asns: [64512, 9] }]],
  ['private numbers go', { privateAsnsExcept: 7 }, path(64512, 9, 65534, 4_200_000_000, 4_294_967_294), path(64512, 9)],
  ['their neighbours stay', { privateAsnsExcept: 7 }, path(64511, 65535, 4_199_999_999, 4_294_967_295), path(64512, 64511, 65535, 4_199_999_999, 4_294_967_295)],
  ['the peer\'s own number stays', { privateAsnsExcept: 65001 }, path(65001, 65002), path(64512, 65001)],
  ['what is left empty goes', { privateAsnsExcept: 7 }, [...path(65001), { type: 'set', asns: [65002] }], path(64512)],
  ['both', { privateAsnsExcept: 65001, overriddenAsn: 65001 }, path(65002, 65001), path(64512, 64512)],
])('AS path: %s', (_name, some, before, after) => {
  const { attributes: got } = sent(from('ebgp', { asPath: before }), target(true, some));
  expect([got.asPath, got.asPathLength]).toEqual([after, attributes({ asPath: after }).asPathLength]);
});

test('MED set by a filter of ours leaves the AS, and so does that of redistributed routes', () => {
  const table = new RouteTable();
  const received = route(table, source({ kind: 'ebgp' }), { med: 5 });
  const changed = table.changed(received, { ...received.attributes, med: 6 });
  const marked = table.changed(changed, { ...changed.attributes, communities: [1] });
  const untouched = table.changed(received, { ...received.attributes, communities: [1] });
  expect([received, changed, marked, untouched, from('kernel', { med: 9 })].map((of) => sent(of, EXTERNAL).attributes.med)).toEqual([undefined, 6, 6, undefined, 9]);
});

test('LOCAL_PREF that a filter set on an external route goes to internal peers', () => {
  const table = new RouteTable();
  const received = route(table, source({ kind: 'ebgp' }), { localPref: 999 });
  expect(sent(table.changed(received, { ...received.attributes, localPref: 300 }), INTERNAL).attributes.localPref).toBe(300);
});

test('extended communities for the AS alone do not leave it', () => {
  const [transitive, internal] = [0x0002_fde8_0000_0001n, 0x4004_fde8_0000_0001n];
  const of = from('ibgp', { extendedCommunities: [transitive, internal] });
  expect(sent(of, EXTERNAL).attributes.extendedCommunities).toEqual([transitive]);
  expect(sent(of, CLIENT).attributes.extendedCommunities).toEqual([transitive, internal]);
});

test('graceful shutdown: the community for all, and LOCAL_PREF 0 inside the AS', () => {
  const of = from('ebgp', { communities: [1] });
  expect(sent(of, target(true, { gracefulShutdown: true })).attributes).toMatchObject({ communities: [1, 0xffff0000], localPref: undefined });
  expect(sent(of, target(false, { gracefulShutdown: true })).attributes).toMatchObject({ communities: [1, 0xffff0000], localPref: 0 });
  expect(sent(from('originated', { communities: [0xffff0000] }), target(true, { gracefulShutdown: true })).attributes.communities).toEqual([0xffff0000]);
});

test('what a peer is about to take away is a last choice here and inside the AS', () => {
  const of = from('ebgp', { communities: [0xffff0000] });
  expect([of.localPref, sent(of, INTERNAL).attributes.localPref]).toEqual([0, 0]);
  expect(from('ibgp', { communities: [0xffff0000] }).localPref).toBe(100);
});

test.each<[BgpRole | undefined, number | undefined]>([
  ['provider', 64512], ['route-server', 64512], ['peer', 64512], ['customer', undefined], ['route-server-client', undefined], [undefined, undefined],
])('OTC on the way out, as %s', (role, otc) => {
  expect(sent(from('originated'), target(true, { role })).attributes.otc).toBe(otc);
  expect(sent(from('originated', { otc: 7 }), target(true, { role })).attributes.otc).toBe(7);
});

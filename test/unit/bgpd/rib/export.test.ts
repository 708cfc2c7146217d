/** Export rules: what each kind of peer is sent of each kind of route, and why not. */
import { expect, test } from '@jest/globals';
import { exportRoute, type ExportTarget, type Outbound } from '../../../../bgpd/rib/export.ts';
import { RouteTable, type Route } from '../../../../bgpd/rib/route.ts';
import type { NextHop, PathAttributes } from '../../../../bgpd/wire/message.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { attributes, nextHops, originated, path, route, source } from '../../../support/rib-builders.ts';
import { wireContext } from '../../../support/session-builders.ts';

const SELF = { address: ip('192.0.2.254') };

const target = (external: boolean, some: Partial<ExportTarget> = {}): ExportTarget =>
  ({ family: 'ipv4', localAsn: 64512, nextHop: 'auto', self: SELF, interfaceIndex: 0, wire: wireContext({ external }), ...some });

const [INTERNAL, EXTERNAL] = [target(false), target(true)];

function from(kind: 'ebgp' | 'ibgp' | 'originated', some: Partial<PathAttributes> = {}): Route {
  const table = new RouteTable();
  return kind === 'originated' ? table.intern(originated(), attributes(some), undefined, undefined) : route(table, source({ kind }), some);
}

function sent(of: Route, to: ExportTarget): Outbound {
  const result = exportRoute(of, to);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

test.each([
  ['what an internal peer taught us, to internal ones', from('ibgp'), INTERNAL, 'learned from an internal peer'],
  ['NO_ADVERTISE, to internal ones', from('ebgp', { communities: [0xffffff02] }), INTERNAL, 'community NO_ADVERTISE'],
  ['NO_ADVERTISE, to external ones', from('ebgp', { communities: [0xffffff02] }), EXTERNAL, 'community NO_ADVERTISE'],
  ['NO_EXPORT, to external ones', from('ibgp', { communities: [1, 0xffffff01] }), EXTERNAL, 'community NO_EXPORT'],
  ['NO_EXPORT_SUBCONFED, to external ones', from('ibgp', { communities: [0xffffff03] }), EXTERNAL, 'community NO_EXPORT_SUBCONFED'],
  ['own routes of a family in which we have no address', from('originated'), target(false, { self: undefined }), 'no ipv4 address to name as next hop'],
  ['a next hop of the other family', from('ebgp'), target(true, { family: 'ipv6', nextHop: 'keep' }), 'no ipv6 address to name as next hop'],
])('not sent: %s', (_name, of, to, reason) => { expect(exportRoute(of, to)).toBe(reason); });

test.each([
  ['NO_EXPORT, to internal peers', from('ebgp', { communities: [0xffffff01] }), INTERNAL],
  ['NO_EXPORT_SUBCONFED, to internal peers', from('ebgp', { communities: [0xffffff03] }), INTERNAL],
  ['an internal route, to external peers', from('ibgp'), EXTERNAL],
  ['an external route, to external peers', from('ebgp'), EXTERNAL],
])('sent: %s', (_name, of, to) => { expect(typeof exportRoute(of, to)).toBe('object'); });

const VIA = { address: ip('198.51.100.1') };
test.each([
  ['own route, internal', from('originated'), INTERNAL, SELF],
  ['own route, external', from('originated'), EXTERNAL, SELF],
  ['own route, keep', from('originated'), target(true, { nextHop: 'keep' }), SELF],
  ['external route to an internal peer', from('ebgp'), INTERNAL, VIA],
  ['external route to an internal peer, self', from('ebgp'), target(false, { nextHop: 'self' }), SELF],
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

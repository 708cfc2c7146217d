/** What people and BMP see of a prefix: before and after import policy, among the candidates, and what a peer is sent. */
import { beforeEach, expect, test } from '@jest/globals';
import { FamilyRib } from '../../../../bgpd/rib/family-rib.ts';
import type { RouteFilter } from '../../../../bgpd/rib/filter.ts';
import type { Source } from '../../../../bgpd/rib/route.ts';
import { accepted, advertised, candidates, hasPathOf, isAdvertised, received } from '../../../../bgpd/rib/views.ts';
import type { PathAttributes } from '../../../../bgpd/wire/message.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { attributes, originated, path, source } from '../../../support/rib-builders.ts';
import { wireContext } from '../../../support/session-builders.ts';

const P = prefix('10.0.1.0/24');
const CHANGED = attributes({ asPath: path(1), localPref: 300 });
let rib: FamilyRib;
let [x, y] = [source(), source()];

beforeEach(() => {
  rib = new FamilyRib('ipv4', originated(), () => ({ reachable: true, gateway: undefined, interfaceIndex: 7, metric: 0 }));
  rib.setPolicy({ install: true, filter: undefined, maximumPaths: 2 });
  [x, y] = [source({ index: 10 }), source({ index: 11 })];
});

const announce = (from: Source, some: Partial<PathAttributes>, filter?: RouteFilter, id = 0): void => {
  rib.announce(from, [P], attributes({ asPath: path(1), ...some }), { address: ip('198.51.100.1') }, undefined, filter, [id]);
};
const idOf = (): number => { while (rib.flush(100)) { /* more */ } return rib.loc.table.find(P); };

test('what a peer sent is seen as it sent it, and what was let in as policy left it', () => {
  announce(x, { med: 1 }, () => CHANGED, 4);
  announce(x, { med: 2 }, () => false, 5);
  announce(y, { med: 3 });
  const id = idOf();
  const sent = received(rib, x, id).map((p) => [p.pathId, p.route.attributes.med, p.route.localPref, p.refused, p.best, p.reason]);
  expect(sent).toEqual([
    [4, 1, 100, false, true, 'higher local preference'], [5, 2, 100, true, false, 'rejected by an import filter'],
  ]);
  expect(accepted(rib, x, id).map((p) => [p.pathId, p.route.attributes])).toEqual([[4, CHANGED]]);
  expect(candidates(rib, id).map((p) => [p.route.source, p.pathId, p.best])).toEqual([[x, 4, true], [x, 5, false], [y, undefined, false]]);
  expect([hasPathOf(rib, x, id), hasPathOf(rib, source(), id)]).toEqual([true, false]);
});

test('staleness shows, and of which sort', () => {
  announce(x, {});
  rib.loc.adjIn.markStale(x);
  expect(received(rib, x, idOf()).map((p) => [p.stale, p.longLived])).toEqual([[true, false]]);
  rib.loc.markLongLived(x);
  expect(received(rib, x, idOf()).map((p) => [p.stale, p.longLived, p.route.attributes.communities])).toEqual([[true, true, []]]);
});

test('what a peer is sent is seen as it is sent, what it is not with the reason, and whether it waits', () => {
  const target = { family: 'ipv4' as const, localAsn: 64512, nextHop: 'auto' as const, self: { address: ip('192.0.2.254') }, interfaceIndex: 0, wire: wireContext({ external: true }) };
  const group = rib.groupFor('', target, undefined);
  const member = group.join(source({ index: 12 }), () => true);
  while (group.catchUp(member)) { /* more */ }
  announce(x, {});
  announce(y, { asPath: path(1, 2) });
  announce(member.source, { asPath: path(1, 2, 3) });
  const id = idOf();
  const seen = (): unknown[] => advertised(rib, group, member, id).map((p) => [p.route.source, p.outbound?.attributes.asPath[0]?.asns, p.reason]).sort((a, b) => (a[0] as Source).index - (b[0] as Source).index);
  expect(seen()).toEqual([[x, [64512, 1], 'sent'], [y, undefined, 'not the best route'], [member.source, undefined, 'it came from this peer']]);
  expect([isAdvertised(group, member, id), isAdvertised(group, { source: x }, id)]).toEqual([true, false]);
  group.resend(member);
  expect(seen()[0]).toEqual([x, [64512, 1], 'waits: the peer is behind']);
});

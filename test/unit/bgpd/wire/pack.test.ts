import { expect, test } from '@jest/globals';
import type { Family, Prefix } from '../../../../lib/ip/prefix.ts';
import { prefix4, prefix6 } from '../../../../lib/ip/prefix.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { ORIGINATED, prependAs } from '../../../../bgpd/wire/attribute-changes.ts';
import { decodeMessage } from '../../../../bgpd/wire/codec.ts';
import { Framer } from '../../../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../../../bgpd/wire/interner.ts';
import type { NextHop, PathAttributes, UpdateMessage } from '../../../../bgpd/wire/message.ts';
import { endOfRib, obstacleTo, packUpdates, packWithdrawals } from '../../../../bgpd/wire/pack.ts';
import { wireContext } from '../../../support/session-builders.ts';

const CONTEXT = wireContext({ external: true });
const ATTRIBUTES = prependAs(prependAs(ORIGINATED, 4200000001), 65001);
const NEXT_HOP: Record<Family, NextHop> = {
  ipv4: { address: ip('192.0.2.1') }, ipv6: { address: ip('2001:db8::1'), linkLocal: ip('fe80::1') },
};

function decoded(messages: readonly Uint8Array[], context = CONTEXT): UpdateMessage[] {
  const interner = new AttributeInterner();
  const framer = new Framer();
  framer.maximumBytes = context.maximumBytes;
  return messages.flatMap((m) => Array.from(framer.frames(m), (f) => decodeMessage(f.type, f.body, context, interner) as UpdateMessage));
}
const mixed = (family: Family, count: number): Prefix[] => Array.from({ length: count }, (_, i) =>
  (family === 'ipv4' ? prefix4(i * 0x10000, 9 + (i % 24)) : prefix6(BigInt(i) << 80n, 20 + (i % 109))));
const announced = (m: UpdateMessage): readonly Prefix[] => [...m.announced4, ...m.announced6];
const withdrawn = (m: UpdateMessage): readonly Prefix[] => [...m.withdrawn4, ...m.withdrawn6];

test.each(['ipv4', 'ipv6'] as const)('%s: many prefixes come back in order, from few full messages', (family) => {
  const prefixes = mixed(family, 5000);
  const messages = packUpdates({ family, attributes: ATTRIBUTES, nextHop: NEXT_HOP[family], prefixes, context: CONTEXT });
  for (const m of messages) expect(m.length).toBeLessThanOrEqual(4096);
  for (const m of messages.slice(0, -1)) expect(m.length).toBeGreaterThan(4096 - 18);
  const updates = decoded(messages);
  expect(updates.flatMap(announced)).toEqual(prefixes);
  for (const u of updates) {
    expect(u.attributes).toEqual(ATTRIBUTES);
    expect(u.attributes).toBe(updates[0]!.attributes);
    expect(family === 'ipv4' ? u.nextHop4 : u.nextHop6).toEqual(NEXT_HOP[family]);
    expect(u.faults).toEqual([]);
  }
});

test.each(['ipv4', 'ipv6'] as const)('%s: withdrawals come back in order, from few full messages', (family) => {
  const prefixes = mixed(family, 5000);
  const messages = packWithdrawals({ family, prefixes, context: CONTEXT });
  for (const m of messages.slice(0, -1)) expect(m.length).toBeGreaterThan(4096 - 18);
  const updates = decoded(messages);
  expect(updates.flatMap(withdrawn)).toEqual(prefixes);
  expect(updates.flatMap(announced)).toEqual([]);
});

test('a message is filled to the last byte', () => {
  const hosts = Array.from({ length: 814 }, (_, i) => prefix4(i, 32));
  expect(packWithdrawals({ family: 'ipv4', prefixes: [...hosts, prefix4(0, 16)], context: CONTEXT }).map((m) => m.length)).toEqual([4096]);
  expect(packWithdrawals({ family: 'ipv4', prefixes: [...hosts, prefix4(0, 17)], context: CONTEXT }).map((m) => m.length)).toEqual([4093, 27]);
});

test.each(['ipv4', 'ipv6'] as const)('%s: one prefix is one small message with a one-octet length; none is no message', (family) => {
  const one = { family, attributes: ATTRIBUTES, nextHop: NEXT_HOP[family], prefixes: mixed(family, 1), context: CONTEXT };
  expect(decoded(packUpdates(one)).flatMap(announced)).toEqual(one.prefixes);
  expect(packUpdates(one)[0]![23]).toBe(family === 'ipv4' ? 0x40 : 0x80);
  expect(packUpdates({ ...one, prefixes: [] })).toEqual([]);
  expect(packWithdrawals({ ...one, prefixes: [] })).toEqual([]);
});

test.each(['ipv4', 'ipv6'] as const)('%s: End-of-RIB says so and nothing else', (family) => {
  expect(decoded([endOfRib(family)])).toMatchObject([{ endOfRib: family, attributes: undefined, outcome: 'ok' }]);
});

test('a two-octet session gets the path twice', () => {
  const context = wireContext({ fourOctetAs: false, external: true });
  const messages = packUpdates({ family: 'ipv4', attributes: ATTRIBUTES, nextHop: NEXT_HOP.ipv4, prefixes: mixed('ipv4', 1), context });
  expect(decoded(messages, context)[0]!.attributes).toEqual(ATTRIBUTES);
  expect(decoded(messages, CONTEXT)[0]!.outcome).toBe('withdraw');
});

test.each(['ipv4', 'ipv6'] as const)('%s: attributes that leave no room for a prefix withdraw it instead', (family) => {
  const sized = (asns: number): PathAttributes => prependAs(ORIGINATED, 65001, asns);
  const prefixes = mixed(family, 3);
  const pack = (asns: number): UpdateMessage[] =>
    decoded(packUpdates({ family, attributes: sized(asns), nextHop: NEXT_HOP[family], prefixes, context: CONTEXT }));
  const most = Array.from({ length: 1100 }, (_, i) => i).findLast((asns) => pack(asns).every((m) => announced(m).length > 0))!;
  expect(most).toBeGreaterThan(900);
  expect(pack(most).flatMap(announced)).toEqual(prefixes);
  expect(pack(most + 1).flatMap(withdrawn)).toEqual(prefixes);
  expect(pack(most + 1).flatMap(announced)).toEqual([]);
});

const BOTH = { ipv4: true, ipv6: true };

test.each(['ipv4', 'ipv6'] as const)('%s: with ADD-PATH each prefix keeps its identifier, in full messages both ways', (family) => {
  const context = wireContext({ external: true, addPathIn: BOTH, addPathOut: BOTH });
  const prefixes = mixed(family, 2000);
  const ids = prefixes.map((_, i) => 0xffffffff - i);
  const up = decoded(packUpdates({ family, attributes: ATTRIBUTES, nextHop: NEXT_HOP[family], prefixes, ids, context }), context);
  expect(up.flatMap(announced)).toEqual(prefixes);
  expect(up.flatMap((m) => (family === 'ipv4' ? m.announcedIds4 : m.announcedIds6))).toEqual(ids);
  const messages = packWithdrawals({ family, prefixes, ids, context });
  for (const m of messages) expect(m.length).toBeLessThanOrEqual(4096);
  for (const m of messages.slice(0, -1)) expect(m.length).toBeGreaterThan(4096 - 21);
  const down = decoded(messages, context);
  expect(down.flatMap(withdrawn)).toEqual(prefixes);
  expect(down.flatMap((m) => (family === 'ipv4' ? m.withdrawnIds4 : m.withdrawnIds6))).toEqual(ids);
  expect(() => packWithdrawals({ family, prefixes, ids: ids.slice(1), context })).toThrow(RangeError);
  expect(() => packWithdrawals({ family, prefixes, context })).toThrow(RangeError);
});

test('identifiers are left out where they were not agreed', () => {
  const one = { family: 'ipv4', prefixes: mixed('ipv4', 3), context: CONTEXT } as const;
  expect(packWithdrawals({ ...one, ids: [1, 2, 3] })).toEqual(packWithdrawals(one));
});

test('ADD-PATH may be agreed for one family and one direction alone', () => {
  const context = wireContext({ addPathIn: { ipv4: false, ipv6: true } });
  const message = decoded(packUpdates({ family: 'ipv4', attributes: ATTRIBUTES, nextHop: NEXT_HOP.ipv4, prefixes: mixed('ipv4', 2), context }), context)[0]!;
  expect(message.announced4).toEqual(mixed('ipv4', 2));
  expect(message.announcedIds4).toBeUndefined();
  expect(message.announcedIds6).toEqual([]);
});

test('a path of 4,000 hops needs extended messages; without them there is a reason, and the route is withdrawn (RFC 8654)', () => {
  const route = { family: 'ipv4', attributes: prependAs(ORIGINATED, 4200000001, 4000), nextHop: NEXT_HOP.ipv4 } as const;
  const prefixes = mixed('ipv4', 50_000);
  const extended = wireContext({ external: true, maximumBytes: 65_535 });
  const messages = packUpdates({ ...route, prefixes, context: extended });
  expect(messages.length).toBe(Math.ceil(messages.reduce((sum, m) => sum + m.length - 23, 0) / 65_512));
  const read = decoded(messages, extended);
  expect(read.flatMap(announced)).toEqual(prefixes);
  expect(read[0]!.attributes!.asPathLength).toBe(4000);
  expect(obstacleTo({ ...route, context: extended })).toBeUndefined();
  expect(obstacleTo({ ...route, context: CONTEXT })).toMatch(/^16\d\d\d bytes of attributes do not fit into a message of 4096 bytes$/);
  const short = decoded(packUpdates({ ...route, prefixes, context: CONTEXT }));
  expect(short.flatMap(withdrawn)).toEqual(prefixes);
  expect(short.flatMap(announced)).toEqual([]);
});

test('IPv4 prefixes with an IPv6 next hop (RFC 8950): in MP_REACH_NLRI where agreed, withdrawn elsewhere', () => {
  const agreed = wireContext({ extendedNextHop: true, addPathIn: BOTH, addPathOut: BOTH });
  const route = { family: 'ipv4', attributes: ATTRIBUTES, nextHop: NEXT_HOP.ipv6 } as const;
  const prefixes = mixed('ipv4', 3000);
  const ids = prefixes.map((_, i) => i);
  const read = decoded(packUpdates({ ...route, prefixes, ids, context: agreed }), agreed);
  expect(read.flatMap((m) => m.announced4)).toEqual(prefixes);
  expect(read.flatMap((m) => m.announcedIds4)).toEqual(ids);
  expect(new Set(read.map((m) => m.nextHop4?.linkLocal))).toEqual(new Set([NEXT_HOP.ipv6.linkLocal]));
  expect(obstacleTo({ ...route, context: CONTEXT })).toMatch(/IPv6 next hop/);
  expect(decoded(packUpdates({ ...route, prefixes, context: CONTEXT })).flatMap(withdrawn)).toEqual(prefixes);
});

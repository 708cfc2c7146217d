/** BGP messages as readable JSON for golden files: addresses as text, absent fields left out. */
import type { WireError } from '../../bgpd/wire/errors.ts';
import type { Capabilities, Message, NextHop, PathAttributes, UpdateMessage } from '../../bgpd/wire/message.ts';
import { showIp, showPrefix } from '../../lib/ip/text.ts';
import type { Ipv4, Prefix } from '../../lib/ip/prefix.ts';
import { hexFromBytes } from './hex.ts';

export type Readable = Record<string, unknown>;

export function readableMessage(m: Message): Readable {
  switch (m.type) {
    case 'open': return { ...m, routerId: showIp(m.routerId as Ipv4), capabilities: readableCapabilities(m.capabilities) };
    case 'update': return readableUpdate(m);
    case 'notification': return { ...m, data: hexFromBytes(m.data) };
    case 'keepalive': return { ...m };
    case 'route-refresh': return present({ ...m });
  }
}

export const readableError = (e: WireError): Readable =>
  ({ error: { code: e.code, subcode: e.subcode, data: hexFromBytes(e.data), message: e.message } });

const readableCapabilities = (c: Capabilities): Readable =>
  present({ ...c, unknown: c.unknown.map(({ code, value }) => ({ code, value: hexFromBytes(value) })) });

const readableUpdate = (m: UpdateMessage): Readable => present({
  type: m.type,
  endOfRib: m.endOfRib,
  outcome: m.outcome === 'ok' ? undefined : m.outcome,
  faults: m.faults,
  withdrawn: [...readablePaths(m.withdrawn4, m.withdrawnIds4), ...readablePaths(m.withdrawn6, m.withdrawnIds6)],
  announced: [...readablePaths(m.announced4, m.announcedIds4), ...readablePaths(m.announced6, m.announcedIds6)],
  nextHop4: readableNextHop(m.nextHop4),
  nextHop6: readableNextHop(m.nextHop6),
  attributes: m.attributes === undefined ? undefined : readableAttributes(m.attributes),
});

const readablePaths = (prefixes: readonly Prefix[], ids: readonly number[] | undefined): string[] =>
  prefixes.map((p, i) => (ids === undefined ? showPrefix(p) : `${showPrefix(p)} path ${ids[i] ?? 'missing'}`));

const readableNextHop = (hop: NextHop | undefined): string | undefined =>
  hop && [hop.address, ...(hop.linkLocal === undefined ? [] : [hop.linkLocal])].map(showIp).join(' ');

const BRACKETS = { 'sequence': ['', ''], 'set': ['{', '}'], 'confed-sequence': ['(', ')'], 'confed-set': ['[', ']'] } as const;

export const readableAttributes = (a: PathAttributes): Readable => present({
  ...a,
  origin: ['igp', 'egp', 'incomplete'][a.origin],
  asPath: a.asPath.map((s) => BRACKETS[s.type][0] + s.asns.join(' ') + BRACKETS[s.type][1]).join(' '),
  atomicAggregate: a.atomicAggregate || undefined,
  aggregator: a.aggregator && `${a.aggregator.asn} ${showIp(a.aggregator.address as Ipv4)}`,
  communities: a.communities.map((c) => `${c >>> 16}:${c & 0xffff}`),
  extendedCommunities: a.extendedCommunities.map((c) => c.toString(16).padStart(16, '0')),
  largeCommunities: a.largeCommunities.map((c) => c.join(':')),
  originatorId: a.originatorId === undefined ? undefined : showIp(a.originatorId as Ipv4),
  clusterList: a.clusterList.map((c) => showIp(c as Ipv4)),
  unknown: a.unknown.map(({ flags, code, value }) => ({ flags, code, value: hexFromBytes(value) })),
});

/** Without what is undefined or an empty list. */
const present = (value: Readable): Readable =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && !(Array.isArray(v) && v.length === 0)));

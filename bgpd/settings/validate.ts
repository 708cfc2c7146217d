/** Validates the sections of a SpeakerConfig as they come from outside: what is bad is told, what is good applies. */
import {
  SECTION_NAMES, type FilterConfig, type FilterRule, type FiltersSection, type GlobalSection, type OriginatedRoute,
  type OriginateSection, type PeerConfig, type PeersSection, type PrefixMatch, type SpeakerConfig,
} from '../../config/messages/speaker-config.ts';
import type { Problem } from '../../lib/errors.ts';
import { bitsOf, FAMILIES, familyOf, lengthOf } from '../../lib/ip/prefix.ts';
import { specialKindOf } from '../../lib/ip/special.ts';
import { ip, prefix, showIp, showPrefix } from '../../lib/ip/text.ts';
import { Fields } from './fields.ts';

export interface Validated {
  /**
   * Sections that may be applied, without the peers, filters and routes that are bad. A bad `global` is not here, nor a
   * section that has no list at all: what is in force stays rather than that everything goes.
   */
  readonly sections: Partial<SpeakerConfig>;
  readonly problems: readonly Problem[];
}

const MAXIMUM_U32 = 0xffffffff;

/** `sections`: section name → value, of which nothing is known. */
export function validateSections(sections: Readonly<Record<string, unknown>>): Validated {
  const problems: Problem[] = [];
  const good: { -readonly [S in keyof SpeakerConfig]?: SpeakerConfig[S] } = {};
  for (const name of Object.keys(sections)) {
    if (!SECTION_NAMES.some((known) => known === name)) {
      problems.push({ path: name, message: `no such section: expected one of ${SECTION_NAMES.join(', ')}` });
    }
  }
  if (sections['global'] !== undefined) {
    const own: Problem[] = [];
    const global = readGlobal(sections['global'], own);
    if (own.length === 0) good.global = global;
    problems.push(...own);
  }
  if (hasList(sections, 'peers', 'peers', problems)) good.peers = readPeers(sections['peers'], problems);
  if (hasList(sections, 'filters', 'filters', problems)) good.filters = readFilters(sections['filters'], problems);
  if (hasList(sections, 'originate', 'routes', problems)) good.originate = readOriginate(sections['originate'], problems);
  return { sections: good, problems };
}

/** True when the section is there and can be read at all; a problem is left when it cannot. */
function hasList(sections: Readonly<Record<string, unknown>>, name: string, key: string, problems: Problem[]): boolean {
  const value = sections[name];
  if (value === undefined) return false;
  const before = problems.length;
  new Fields(value, name, problems).list(key);
  return problems.length === before;
}

function readGlobal(value: unknown, problems: Problem[]): GlobalSection {
  const f = new Fields(value, 'global', problems);
  const [listen, restart, kernel] = [f.object('listen'), f.object('gracefulRestart'), f.object('kernel')];
  const routerId = f.address('routerId', 'ipv4');
  if (routerId === '0.0.0.0') f.wrong('routerId', routerId, 'a dotted quad other than 0.0.0.0');
  return {
    asn: f.integer('asn', 1, MAXIMUM_U32),
    routerId,
    listen: {
      port: listen.integer('port', 0, 65_535),
      addresses: listen.strings('addresses').filter((text, i) => isAddress(listen, `addresses[${i}]`, text)),
    },
    gracefulRestart: {
      restartTimeSeconds: restart.integer('restartTimeSeconds', 0, 4095),
      staleRoutesCapSeconds: restart.integer('staleRoutesCapSeconds', 0, 86_400),
      selectionDeferralSeconds: restart.integer('selectionDeferralSeconds', 0, 86_400),
    },
    kernel: {
      table: kernel.integer('table', 1, MAXIMUM_U32),
      metric: kernel.integer('metric', 1, MAXIMUM_U32),
      install: kernel.boolean('install'),
      ...(kernel.has('filter') && { filter: kernel.name('filter') }),
      maximumPaths: kernel.integer('maximumPaths', 1, 64),
    },
  };
}

function readPeers(value: unknown, problems: Problem[]): PeersSection {
  const names = new Set<string>();
  const addresses = new Map<string, string>();
  const peers = goodOnes(new Fields(value, 'peers', problems).list('peers'), problems, (item, i, own) => {
    const peer = readPeer(item, i, own);
    const path = `peers/${peer.name}`;
    if (own.length > 0) return peer;
    if (names.has(peer.name)) own.push({ path, message: 'another peer has this name: expected a unique one' });
    const address = showIp(ip(peer.address));
    const other = addresses.get(address);
    if (other !== undefined) own.push({ path: `${path}.address`, message: `${address} is the address of ${other} already` });
    if (own.length === 0) { names.add(peer.name); addresses.set(address, peer.name); }
    return peer;
  });
  return { peers };
}

function readPeer(value: unknown, index: number, problems: Problem[]): PeerConfig {
  const name = nameOf(value) ?? `[${index}]`;
  const f = new Fields(value, `peers/${name}`, problems);
  const families = f.strings('families', FAMILIES);
  if (families.length === 0) f.wrong('families', families, 'at least one of ipv4, ipv6');
  const holdTimeSeconds = f.integer('holdTimeSeconds', 0, 65_535);
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) f.wrong('holdTimeSeconds', holdTimeSeconds, '0 or 3..65535');
  const address = f.address('address');
  const special = address === '' ? undefined : specialKindOf(ip(address));
  if (special !== undefined) f.wrong('address', address, `the unicast address of a router, not ${special}`);
  if (f.has('sourceAddress') && address !== '') f.address('sourceAddress', familyOf(ip(address)));
  return {
    name: f.name('name'),
    origin: f.oneOf('origin', ['mesh', 'node', 'global', 'static']),
    address,
    port: f.integer('port', 1, 65_535),
    asn: f.integer('asn', 1, MAXIMUM_U32),
    ...(f.has('localAsn') && { localAsn: f.integer('localAsn', 1, MAXIMUM_U32) }),
    ...(f.has('sourceAddress') && { sourceAddress: f.address('sourceAddress') }),
    passive: f.boolean('passive'),
    families,
    holdTimeSeconds,
    ...(f.has('keepaliveSeconds') && { keepaliveSeconds: f.integer('keepaliveSeconds', 1, 65_535) }),
    connectRetrySeconds: f.integer('connectRetrySeconds', 1, 65_535),
    ...(f.has('restartTimeSeconds') && { restartTimeSeconds: f.integer('restartTimeSeconds', 0, 4095) }),
    gracefulRestart: f.boolean('gracefulRestart'),
    nextHop: f.oneOf('nextHop', ['auto', 'self', 'keep']),
    allowLocalAs: f.integer('allowLocalAs', 0, 255),
    importFilters: f.strings('importFilters'),
    exportFilters: f.strings('exportFilters'),
  };
}

function readFilters(value: unknown, problems: Problem[]): FiltersSection {
  const names = new Set<string>();
  const filters = goodOnes(new Fields(value, 'filters', problems).list('filters'), problems, (item, i, own) => {
    const filter = readFilter(item, i, own);
    if (names.has(filter.name)) own.push({ path: `filters/${filter.name}`, message: 'another filter has this name: expected a unique one' });
    names.add(filter.name);
    return filter;
  });
  return { filters };
}

function readFilter(value: unknown, index: number, problems: Problem[]): FilterConfig {
  const path = `filters/${nameOf(value) ?? `[${index}]`}`;
  const f = new Fields(value, path, problems);
  return {
    name: f.name('name'),
    rules: f.list('rules').map((rule, i) => readRule(new Fields(rule, `${path}.rules[${i}]`, problems), problems)),
    otherwise: f.oneOf('otherwise', ['accept', 'reject', 'next']),
  };
}

function readRule(f: Fields, problems: Problem[]): FilterRule {
  const matchOf = (item: unknown, i: number): PrefixMatch => readMatch(new Fields(item, `${f.path}.prefixes[${i}]`, problems));
  return {
    ...(f.has('prefixes') && { prefixes: f.list('prefixes').map(matchOf) }),
    ...(f.has('sources') && { sources: f.strings('sources', ['originated', 'ebgp', 'ibgp']) }),
    action: f.oneOf('action', ['accept', 'reject']),
  };
}

function readMatch(f: Fields): PrefixMatch {
  const text = f.prefix('prefix');
  const packed = prefix(text);
  const [shortest, longest] = [lengthOf(packed), bitsOf(familyOf(packed))];
  return {
    prefix: text,
    ...(f.has('minLength') && { minLength: f.integer('minLength', shortest, longest) }),
    ...(f.has('maxLength') && { maxLength: f.integer('maxLength', shortest, longest) }),
  };
}

function readOriginate(value: unknown, problems: Problem[]): OriginateSection {
  const seen = new Set<string>();
  const routes = goodOnes(new Fields(value, 'originate', problems).list('routes'), problems, (item, i, own): OriginatedRoute => {
    const f = new Fields(item, `originate[${i}]`, own);
    const text = showPrefix(prefix(f.prefix('prefix')));
    if (seen.has(text)) f.wrong('prefix', text, 'each prefix once');
    seen.add(text);
    return { prefix: text, blackhole: f.boolean('blackhole') };
  });
  return { routes };
}

/** Reads each item with a list of problems of its own, and keeps those that leave it empty. */
function goodOnes<T>(items: readonly unknown[], problems: Problem[], read: (item: unknown, index: number, own: Problem[]) => T): T[] {
  return items.flatMap((item, i) => {
    const own: Problem[] = [];
    const value = read(item, i, own);
    problems.push(...own);
    return own.length === 0 ? [value] : [];
  });
}

function isAddress(f: Fields, key: string, text: string): boolean {
  try {
    ip(text);
    return true;
  } catch {
    f.wrong(key, text, 'an IP address');
    return false;
  }
}

const nameOf = (value: unknown): string | undefined => {
  const name = (value as { readonly name?: unknown } | null)?.name;
  return typeof name === 'string' && name !== '' ? name : undefined;
};

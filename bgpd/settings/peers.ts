/** Validates the peers section: neighbours one by one, by prefix, and by interface. */
import {
  MAXIMUM_PASSWORD_OCTETS,
  type DynamicPeers, type MaximumPrefixes, type PeerBfd, type PeerConfig, type PeersSection, type PeerTemplate, type RemoteAs, type UnnumberedPeer,
} from '../../config/messages/speaker-config.ts';
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, familyOf, type Family } from '../../lib/ip/prefix.ts';
import { specialKindOf } from '../../lib/ip/special.ts';
import { ip, parsePrefix, prefix, showIp, showPrefix } from '../../lib/ip/text.ts';
import { ROLES } from '../wire/constants.ts';
import { MAX_COMMUNICATION_LENGTH } from '../wire/notification.ts';
import { Fields, goodOnes, MAXIMUM_U32, nameOf } from './fields.ts';

/** RFC 9494 §3.1: 24 bits. */
const MAXIMUM_STALE_SECONDS = 0xffffff;

/** Names are unique among all three lists, addresses among peers, prefixes and interfaces among theirs. */
export function readPeers(value: unknown, problems: Problem[]): PeersSection {
  const f = new Fields(value, 'peers', problems);
  const taken = new Set<string>();
  const owners = new Map<string, string>();
  const unique = (name: string, field: string, what: string, own: Problem[]): void => {
    if (own.length > 0) return;
    const path = `peers/${name}`;
    if (taken.has(name)) own.push({ path, message: 'another peer has this name: expected a unique one' });
    const other = owners.get(what);
    if (other !== undefined) own.push({ path: `${path}.${field}`, message: `${what} is the ${field} of ${other} already` });
    if (own.length > 0) return;
    taken.add(name);
    owners.set(what, name);
  };
  const peers = goodOnes(f.list('peers'), problems, (item, i, own) => {
    const peer = readPeer(item, i, own);
    if (own.length === 0) unique(peer.name, 'address', placeOf(peer), own);
    return peer;
  });
  const dynamic = goodOnes(f.has('dynamic') ? f.list('dynamic') : [], problems, (item, i, own) => {
    const group = readDynamic(item, i, own);
    unique(group.name, 'prefix', group.prefix, own);
    return group;
  });
  const unnumbered = goodOnes(f.has('unnumbered') ? f.list('unnumbered') : [], problems, (item, i, own) => {
    const peer = readUnnumbered(item, i, own);
    unique(peer.name, 'interface', `interface ${peer.interface}`, own);
    return peer;
  });
  return { peers, ...(f.has('dynamic') && { dynamic }), ...(f.has('unnumbered') && { unnumbered }) };
}

/** A link-local address is another one on each link. */
const placeOf = ({ address, interface: link }: PeerConfig): string =>
  `${showIp(ip(address))}${link !== undefined && specialKindOf(ip(address)) !== undefined ? `%${link}` : ''}`;

function readPeer(value: unknown, index: number, problems: Problem[]): PeerConfig {
  const f = new Fields(value, `peers/${nameOf(value) ?? `[${index}]`}`, problems);
  const address = f.address('address');
  const known = address === '' ? undefined : ip(address);
  const special = known === undefined ? undefined : specialKindOf(known);
  const isOnLink = special?.startsWith('a link-local') === true && f.has('interface');
  if (special !== undefined && !isOnLink) f.wrong('address', address, `the unicast address of a router, not ${special}`);
  return { name: f.name('name'), address, ...readTemplate(f, known === undefined ? undefined : familyOf(known)) };
}

function readDynamic(value: unknown, index: number, problems: Problem[]): DynamicPeers {
  const f = new Fields(value, `peers/${nameOf(value) ?? `[${index}]`}`, problems);
  const text = f.prefix('prefix');
  const parsed = parsePrefix(text);
  return {
    name: f.name('name'),
    prefix: showPrefix(prefix(text)),
    maximumPeers: f.integer('maximumPeers', 1, 65_535),
    template: readTemplate(f.object('template'), parsed === undefined ? undefined : familyOf(parsed)),
  };
}

function readUnnumbered(value: unknown, index: number, problems: Problem[]): UnnumberedPeer {
  const f = new Fields(value, `peers/${nameOf(value) ?? `[${index}]`}`, problems);
  return { name: f.name('name'), interface: interfaceName(f), template: readTemplate(f.object('template'), 'ipv6') };
}

/** `family`: of the neighbour's address. */
function readTemplate(f: Fields, family: Family | undefined): PeerTemplate {
  const families = f.strings('families', FAMILIES);
  if (families.length === 0) f.wrong('families', families, 'at least one of ipv4, ipv6');
  const holdTimeSeconds = f.integer('holdTimeSeconds', 0, 65_535);
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) f.wrong('holdTimeSeconds', holdTimeSeconds, '0 or 3..65535');
  return {
    origin: f.oneOf('origin', ['mesh', 'node', 'global', 'static']),
    port: f.integer('port', 1, 65_535),
    asn: remoteAs(f),
    ...(f.has('localAsn') && { localAsn: f.integer('localAsn', 1, MAXIMUM_U32) }),
    ...(f.has('sourceAddress') && { sourceAddress: f.address('sourceAddress', family) }),
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
    ...readSession(f, family),
    ...readRoutePolicy(f),
  };
}

/** What the OPEN says, and what packets the session takes. */
function readSession(f: Fields, family: Family | undefined): Partial<PeerTemplate> {
  const extendedNextHop = f.has('extendedNextHop') && f.boolean('extendedNextHop');
  if (extendedNextHop && family === 'ipv4') f.wrong('extendedNextHop', true, 'a neighbour with an IPv6 address (RFC 8950 needs a session over IPv6)');
  return {
    ...(f.has('interface') && { interface: interfaceName(f) }),
    ...(f.has('password') && { password: f.secret('password', MAXIMUM_PASSWORD_OCTETS) }),
    ...(f.has('ttlSecurityHops') && { ttlSecurityHops: f.integer('ttlSecurityHops', 1, 254) }),
    ...(f.has('addPath') && { addPath: readAddPath(f.object('addPath')) }),
    ...(f.has('extendedNextHop') && { extendedNextHop }),
    ...(f.has('extendedMessages') && { extendedMessages: f.boolean('extendedMessages') }),
    ...(f.has('role') && { role: readRole(f) }),
    ...(f.has('notificationRestart') && { notificationRestart: f.boolean('notificationRestart') }),
    ...(f.has('longLivedStaleSeconds') && { longLivedStaleSeconds: f.integer('longLivedStaleSeconds', 1, MAXIMUM_STALE_SECONDS) }),
    ...(f.has('bfd') && { bfd: readBfd(f.object('bfd')) }),
    ...(f.has('shutdown') && { shutdown: { message: f.object('shutdown').text('message', MAX_COMMUNICATION_LENGTH) } }),
  };
}

/** What is done with routes. */
function readRoutePolicy(f: Fields): Partial<PeerTemplate> {
  return {
    ...(f.has('reflectorClient') && { reflectorClient: readReflectorClient(f) }),
    ...(f.has('behindUs') && { behindUs: f.boolean('behindUs') }),
    ...(f.has('gracefulShutdown') && { gracefulShutdown: f.boolean('gracefulShutdown') }),
    ...(f.has('maximumPrefixes') && { maximumPrefixes: readMaximumPrefixes(f.object('maximumPrefixes')) }),
    ...(f.has('asOverride') && { asOverride: f.boolean('asOverride') }),
    ...(f.has('removePrivateAs') && { removePrivateAs: f.boolean('removePrivateAs') }),
    ...(f.has('defaultOriginate') && { defaultOriginate: f.strings('defaultOriginate', FAMILIES) }),
  };
}

function remoteAs(f: Fields): RemoteAs {
  const asn = f.value('asn');
  if (asn === 'external' || asn === 'internal') return asn;
  if (typeof asn === 'number' && Number.isInteger(asn) && asn >= 1 && asn <= MAXIMUM_U32) return asn;
  f.wrong('asn', asn, `an integer in 1..${MAXIMUM_U32}, external or internal`);
  return 1;
}

/** Known to be internal: nothing else is known before the global section. */
const isInternal = (f: Fields): boolean =>
  f.value('asn') === 'internal' || (f.has('localAsn') && f.value('asn') === f.value('localAsn'));

function readRole(f: Fields): NonNullable<PeerTemplate['role']> {
  const role = f.object('role');
  if (isInternal(f)) f.wrong('role', f.value('role'), 'an external neighbour (RFC 9234)');
  return { local: role.oneOf('local', ROLES), strict: role.boolean('strict') };
}

function readReflectorClient(f: Fields): boolean {
  const isClient = f.boolean('reflectorClient');
  if (isClient && f.value('asn') === 'external') f.wrong('reflectorClient', true, 'an internal neighbour (RFC 4456)');
  return isClient;
}

const readBfd = (f: Fields): PeerBfd => ({
  hops: f.oneOf('hops', ['auto', 'direct-only', 'multihop']),
  transmitMs: f.integer('transmitMs', 10, 60_000),
  receiveMs: f.integer('receiveMs', 10, 60_000),
  multiplier: f.integer('multiplier', 1, 255),
});

const readAddPath = (f: Fields): NonNullable<PeerTemplate['addPath']> => ({ send: f.boolean('send'), receive: f.boolean('receive') });

const readMaximumPrefixes = (f: Fields): MaximumPrefixes => ({
  limit: f.integer('limit', 1, MAXIMUM_U32),
  ...(f.has('warningPercent') && { warningPercent: f.integer('warningPercent', 1, 100) }),
  action: f.oneOf('action', ['close', 'warn']),
  ...(f.has('restartSeconds') && { restartSeconds: f.integer('restartSeconds', 1, 2_000_000) }),
});

/** As Linux takes it: 1..15 octets without `/` and white space. */
function interfaceName(f: Fields): string {
  const value = f.value('interface');
  if (typeof value === 'string' && /^[^\s/]{1,15}$/.test(value) && value !== '.' && value !== '..') return value;
  f.wrong('interface', value, 'the name of an interface');
  return '';
}


/** Validation of what bgpd is told: every field that is wrong is named, and the rest applies. */
import { expect, test } from '@jest/globals';
import { validateSections } from '../../../../bgpd/settings/validate.ts';
import { globalSection, peerConfig, speakerConfig } from '../../../support/speaker-config.ts';

const pathsOf = (sections: Record<string, unknown>): string[] => validateSections(sections).problems.map((p) => p.path);

test('a good configuration comes through unchanged, without problems', () => {
  const full = speakerConfig({
    global: { kernel: { filter: 'f' }, listen: { addresses: ['192.0.2.1', 'fd00::1'] } },
    peers: [peerConfig('192.0.2.2', { localAsn: 1, sourceAddress: '192.0.2.1', keepaliveSeconds: 1, restartTimeSeconds: 0, holdTimeSeconds: 0 })],
    filters: [{ name: 'f', otherwise: 'next', rules: [{ prefixes: [{ prefix: '10.0.0.0/8', minLength: 8, maxLength: 32 }], sources: ['ebgp'], action: 'accept' }] }],
    originate: ['10.0.0.0/26', 'fd00::/64'],
  });
  expect(validateSections({ ...full })).toEqual({ sections: full, problems: [] });
});

test.each<[string, unknown, string]>([
  ['asn', 0, 'global.asn'], ['asn', 2 ** 32, 'global.asn'], ['asn', '64512', 'global.asn'], ['asn', 1.5, 'global.asn'],
  ['routerId', '0.0.0.0', 'global.routerId'], ['routerId', 'fd00::1', 'global.routerId'], ['routerId', undefined, 'global.routerId'],
  ['listen', { port: 65_536, addresses: [] }, 'global.listen.port'], ['listen', { port: 179, addresses: ['x'] }, 'global.listen.addresses[0]'],
  ['listen', 179, 'global.listen'], ['listen', { port: 179 }, 'global.listen.addresses'],
  ['gracefulRestart', { restartTimeSeconds: 4096, staleRoutesCapSeconds: 1, selectionDeferralSeconds: 1 }, 'global.gracefulRestart.restartTimeSeconds'],
  ['gracefulRestart', { restartTimeSeconds: 1, staleRoutesCapSeconds: -1, selectionDeferralSeconds: 1 }, 'global.gracefulRestart.staleRoutesCapSeconds'],
  ['gracefulRestart', { restartTimeSeconds: 1, staleRoutesCapSeconds: 1, selectionDeferralSeconds: null }, 'global.gracefulRestart.selectionDeferralSeconds'],
  ['kernel', { table: 0, metric: 1, install: true, maximumPaths: 1 }, 'global.kernel.table'],
  ['kernel', { table: 1, metric: 0, install: true, maximumPaths: 1 }, 'global.kernel.metric'],
  ['kernel', { table: 1, metric: 1, install: 'yes', maximumPaths: 1 }, 'global.kernel.install'],
  ['kernel', { table: 1, metric: 1, install: true, maximumPaths: 65 }, 'global.kernel.maximumPaths'],
  ['kernel', { table: 1, metric: 1, install: true, maximumPaths: 1, filter: 7 }, 'global.kernel.filter'],
])('global with %s = %j is not applied', (key, value, path) => {
  const { sections, problems } = validateSections({ global: { ...globalSection(), [key]: value } });
  expect(problems.map((p) => p.path)).toContain(path);
  expect(sections).toEqual({});
});

test.each<[string, unknown]>([
  ['name', ''], ['origin', 'somewhere'], ['address', '192.0.2'], ['address', 'fe80::1'], ['address', '127.0.0.2'], ['address', '::'], ['port', 0], ['asn', 0], ['localAsn', -1], ['sourceAddress', 'fd00::1'],
  ['passive', 1], ['families', []], ['families', ['ipv5']], ['holdTimeSeconds', 2], ['holdTimeSeconds', 65_536], ['keepaliveSeconds', 0],
  ['connectRetrySeconds', 0], ['restartTimeSeconds', 4096], ['gracefulRestart', undefined], ['nextHop', 'other'], ['allowLocalAs', 256],
  ['importFilters', 'f'], ['exportFilters', [1]],
])('a peer with %s = %j is left out, and the others apply', (key, value) => {
  const good = peerConfig('192.0.2.9');
  const { sections, problems } = validateSections({ peers: { peers: [{ ...peerConfig('192.0.2.1'), [key]: value }, good] } });
  expect(sections.peers!.peers).toEqual([good]);
  expect(problems.length).toBeGreaterThan(0);
  for (const problem of problems) expect(problem.path).toMatch(new RegExp(`^peers/(Static_192_0_2_1|\\[0\\])\\.${key}`));
});

test('a peer at an address that no router has is told what it is', () => {
  const { problems } = validateSections({ peers: { peers: [peerConfig('224.0.0.5')] } });
  expect(problems.map((p) => p.message)).toEqual(['"224.0.0.5" is not right: expected the unicast address of a router, not a multicast address']);
});

test.each(['peers', 'filters', 'originate'])('a section %s without a list is told and left as it is: nothing goes because of it', (name) => {
  for (const value of [null, 7, 'x', [], [{ a: 1 }], {}, { [name]: null }, { routes: {} }]) {
    const { sections, problems } = validateSections({ [name]: value });
    expect(sections).toEqual({});
    expect(problems.length).toBeGreaterThan(0);
  }
});

test('two peers with one name or one address cannot be told apart: the second is left out', () => {
  const first = peerConfig('192.0.2.1');
  const { sections, problems } = validateSections({ peers: { peers: [first, peerConfig('192.0.2.2', { name: first.name }), peerConfig('192.0.2.1', { name: 'other' })] } });
  expect(sections.peers!.peers).toEqual([first]);
  expect(problems.map((p) => p.path)).toEqual([`peers/${first.name}`, 'peers/other.address']);
});

test('an IPv6 address is the same in whatever spelling', () => {
  expect(pathsOf({ peers: { peers: [peerConfig('fd00::1'), peerConfig('fd00:0::0001', { name: 'other' })] } })).toEqual(['peers/other.address']);
});

test('filters: every bad rule is named, and the filter is left out', () => {
  const match = (prefix: unknown, more = {}) => ({ prefixes: [{ prefix, ...more }], action: 'accept' });
  const rules = [match('10.0.0.1/8'), match('10.0.0.0/8', { minLength: 7 }), match('10.0.0.0/8', { maxLength: 33 }), { action: 'drop' }, { action: 'accept', sources: ['static'] }];
  const { sections, problems } = validateSections({ filters: { filters: [{ name: 'bad', rules, otherwise: 'accept' }, { name: 'good', rules: [], otherwise: 'next' }] } });
  expect(sections.filters!.filters.map((f) => f.name)).toEqual(['good']);
  expect(problems.map((p) => p.path)).toEqual([
    'filters/bad.rules[0].prefixes[0].prefix', 'filters/bad.rules[1].prefixes[0].minLength', 'filters/bad.rules[2].prefixes[0].maxLength',
    'filters/bad.rules[3].action', 'filters/bad.rules[4].sources[0]',
  ]);
  expect(pathsOf({ filters: { filters: [{ name: 'x', rules: [], otherwise: 'next' }, { name: 'x', rules: [], otherwise: 'next' }] } })).toEqual(['filters/x']);
});

test('originate: a prefix with host bits, twice the same, or no blackhole flag', () => {
  const { sections, problems } = validateSections({ originate: { routes: [
    { prefix: '10.0.0.1/26', blackhole: true }, { prefix: '10.0.0.0/26', blackhole: true }, { prefix: '10.0.0.0/26', blackhole: false }, { prefix: '10.9.0.0/26' },
  ] } });
  expect(sections.originate!.routes).toEqual([{ prefix: '10.0.0.0/26', blackhole: true }]);
  expect(problems.map((p) => p.path)).toEqual(['originate[0].prefix', 'originate[2].prefix', 'originate[3].blackhole']);
});

test.each<unknown>([null, 7, 'text', [], [1]])('a section that is %j is a problem, not a crash', (value) => {
  for (const name of ['global', 'peers', 'filters', 'originate']) expect(pathsOf({ [name]: value })[0]).toMatch(new RegExp(`^${name}`));
  for (const [name, list] of [['peers', 'peers'], ['filters', 'filters'], ['originate', 'routes']]) {
    expect(pathsOf({ [name!]: { [list!]: [value] } }).length).toBeGreaterThan(0);
  }
});

test('a section that does not exist is named', () => {
  expect(validateSections({ rules: {} }).problems).toEqual([{ path: 'rules', message: 'no such section: expected one of global, filters, originate, peers' }]);
});

test('a problem says what was found and what was expected', () => {
  expect(validateSections({ peers: { peers: [peerConfig('192.0.2.1', { asn: 0 })] } }).problems).toEqual([
    { path: 'peers/Static_192_0_2_1.asn', message: '0 is not right: expected an integer in 1..4294967295, external or internal' },
  ]);
});

// ---- what a full speaker is told

const FULL_PEER = peerConfig('fe80::2', {
  interface: 'eth0', asn: 'external', families: ['ipv4', 'ipv6'], localAsn: 65001, password: 'secret', ttlSecurityHops: 1, addPath: { send: true, receive: false }, extendedNextHop: true,
  extendedMessages: false, role: { local: 'customer', strict: true }, notificationRestart: true, longLivedStaleSeconds: 16_777_215,
  gracefulShutdown: true, maximumPrefixes: { limit: 1000, warningPercent: 80, action: 'close', restartSeconds: 60 }, asOverride: true,
  removePrivateAs: true, defaultOriginate: ['ipv4'], shutdown: { message: 'back at noon' },
  bfd: { hops: 'auto', transmitMs: 300, receiveMs: 300, multiplier: 3 },
});
const { name: _name, address: _address, interface: _interface, ...TEMPLATE } = FULL_PEER;

test('everything that can be said comes through unchanged', () => {
  const sections = {
    global: {
      ...globalSection({ kernel: { metric6: 1, metricFromLocalPref: true, redistribute: 'f', ignoredInterfaces: ['cali*'] } }),
      clusterId: '192.0.2.9', gracefulShutdown: true, guards: { martians: true, ownBlocks: false, except: ['10.0.0.0/8'] },
      bmp: { stations: [{ name: 's', address: '192.0.2.7', port: 11019, monitor: ['pre-policy', 'loc-rib'], statisticsSeconds: 0 }] },
    },
    peers: {
      peers: [FULL_PEER, peerConfig('192.0.2.1', { asn: 'internal', reflectorClient: true })],
      dynamic: [{ name: 'range', prefix: '10.0.0.0/8', maximumPeers: 100, template: { ...TEMPLATE, extendedNextHop: false } }],
      unnumbered: [{ name: 'uplink', interface: 'eth1', template: TEMPLATE }],
    },
    filters: { filters: [{ name: 'f', otherwise: 'next', rules: [{
      prefixes: [{ prefix: '10.0.0.0/8' }], notPrefixes: [{ prefix: '10.1.0.0/16', maxLength: 32 }], sources: ['kernel'], interfaces: ['eth*'], sessions: ['ebgp'],
      communities: ['65000:1', '65000:1:2'], asPathPrefix: [65000], localPref: 4_294_967_295, action: 'next',
      set: { addCommunities: ['1:2'], removeCommunities: ['1:2:3'], prependAsns: [1], localPref: 0, med: 7 },
    }] }] },
    originate: { routes: [{ prefix: '10.0.0.0/26', blackhole: true, localPref: 7 }], statics: [{ prefix: '192.0.2.0/24', via: '198.51.100.1' }] },
  };
  expect(validateSections(sections)).toEqual({ sections, problems: [] });
});

test.each<[string, unknown, string?]>([
  ['asn', 'other'], ['interface', ''], ['interface', 'a/b'], ['interface', 'sixteen-octets--'], ['password', ''], ['password', 'é'.repeat(41)], ['password', 7],
  ['ttlSecurityHops', 0], ['ttlSecurityHops', 255], ['addPath', true], ['addPath', { send: true }, 'addPath.receive'], ['extendedMessages', 'yes'],
  ['role', 'customer'], ['role', { local: 'boss', strict: false }, 'role.local'], ['role', { local: 'peer' }, 'role.strict'],
  ['notificationRestart', 1], ['longLivedStaleSeconds', 0], ['longLivedStaleSeconds', 16_777_216], ['gracefulShutdown', 'x'], ['behindUs', 1], ['reflectorClient', true],
  ['maximumPrefixes', 5], ['maximumPrefixes', { limit: 0, action: 'close' }, 'maximumPrefixes.limit'], ['maximumPrefixes', { limit: 1 }, 'maximumPrefixes.action'],
  ['maximumPrefixes', { limit: 1, action: 'warn', warningPercent: 101 }, 'maximumPrefixes.warningPercent'],
  ['maximumPrefixes', { limit: 1, action: 'close', restartSeconds: 0 }, 'maximumPrefixes.restartSeconds'],
  ['asOverride', 0], ['removePrivateAs', 'all'], ['defaultOriginate', 'ipv4'], ['defaultOriginate', ['ipv5'], 'defaultOriginate[0]'],
  ['shutdown', 'now'], ['shutdown', { message: 'é'.repeat(128) }, 'shutdown.message'], ['bfd', { hops: 'auto', transmitMs: 9, receiveMs: 10, multiplier: 1 }, 'bfd.transmitMs'],
])('a peer with %s = %j is left out, and a problem names the field', (key, value, field = key) => {
  const { sections, problems } = validateSections({ peers: { peers: [{ ...FULL_PEER, [key]: value }] } });
  expect(sections.peers!.peers).toEqual([]);
  expect(problems.map((p) => p.path)).toContain(`peers/Static_fe80__2.${field}`);
});

test('what needs another neighbour says so', () => {
  const messageOf = (some: Parameters<typeof peerConfig>[1], address = '192.0.2.1'): string | undefined => validateSections({ peers: { peers: [peerConfig(address, some)] } }).problems[0]?.message;
  expect(messageOf({ extendedNextHop: true })).toMatch(/a neighbour with an IPv6 address/);
  expect(messageOf({ role: { local: 'peer', strict: false }, asn: 'internal' })).toMatch(/an external neighbour/);
  expect(messageOf({ role: { local: 'peer', strict: false }, localAsn: 64512 })).toMatch(/an external neighbour/);
  expect(messageOf({ asn: 'external', reflectorClient: true })).toMatch(/an internal neighbour/);
  expect(messageOf({}, 'fe80::1')).toMatch(/says nothing without an interface/);
});

test('a password is never shown', () => {
  const { problems } = validateSections({ peers: { peers: [peerConfig('192.0.2.1', { password: 'hush'.repeat(30) })] } });
  expect(JSON.stringify(problems)).not.toContain('hush');
  expect(problems[0]!.message).toContain('a secret of 120 octets');
});

test('link-local neighbours are told apart by their links', () => {
  const peer = (name: string, link: string) => peerConfig('fe80::1', { name, interface: link });
  expect(pathsOf({ peers: { peers: [peer('a', 'eth0'), peer('b', 'eth1'), peer('c', 'eth0')] } })).toEqual(['peers/c.address']);
});

test('ranges and interfaces: names are unique among all peers, prefixes and interfaces among their own', () => {
  const range = (name: string, prefix: string) => ({ name, prefix, maximumPeers: 1, template: { ...TEMPLATE, extendedNextHop: false } });
  const link = (name: string, device: string) => ({ name, interface: device, template: TEMPLATE });
  const { sections, problems } = validateSections({ peers: {
    peers: [peerConfig('192.0.2.1', { name: 'a' })],
    dynamic: [range('a', '10.0.0.0/8'), range('b', '10.0.0.0/8'), range('c', '10.0.0.0/8'), range('d', '10.0.0.1/8'), { ...range('e', '10.1.0.0/16'), maximumPeers: 0 }, { name: 'f', prefix: '10.2.0.0/16', maximumPeers: 1 }],
    unnumbered: [link('b', 'eth0'), link('g', 'eth0'), link('h', 'eth0'), link('i', '')],
  } });
  expect(problems.map((p) => p.path)).toEqual(expect.arrayContaining(['peers/a', 'peers/c.prefix', 'peers/d.prefix', 'peers/e.maximumPeers', 'peers/f.template', 'peers/b', 'peers/h.interface', 'peers/i.interface']));
  expect([sections.peers!.dynamic!.map((d) => d.name), sections.peers!.unnumbered!.map((u) => u.name)]).toEqual([['b'], ['g']]);
});

test.each<[string, unknown, string]>([
  ['clusterId', '0.0.0.0', 'global.clusterId'], ['clusterId', 7, 'global.clusterId'], ['gracefulShutdown', 'on', 'global.gracefulShutdown'],
  ['guards', { martians: true, ownBlocks: true }, 'global.guards.except'], ['guards', { martians: 1, ownBlocks: true, except: [] }, 'global.guards.martians'],
  ['guards', { martians: true, ownBlocks: true, except: ['10.0.0.1/8'] }, 'global.guards.except[0]'], ['bmp', {}, 'global.bmp.stations'],
  ['bmp', { stations: [{ name: 's', address: 'x', port: 1, monitor: [], statisticsSeconds: 0 }] }, 'global.bmp/s.address'],
  ['bmp', { stations: [{ name: 's', address: '192.0.2.1', port: 1, monitor: ['all'], statisticsSeconds: 0 }] }, 'global.bmp/s.monitor[0]'],
  ['kernel', { ...globalSection().kernel, metric6: 0 }, 'global.kernel.metric6'], ['kernel', { ...globalSection().kernel, metricFromLocalPref: 1 }, 'global.kernel.metricFromLocalPref'],
  ['kernel', { ...globalSection().kernel, redistribute: '' }, 'global.kernel.redistribute'], ['kernel', { ...globalSection().kernel, ignoredInterfaces: 'x' }, 'global.kernel.ignoredInterfaces'],
])('global with %s = %j says where it is wrong', (key, value, path) => {
  const { sections, problems } = validateSections({ global: { ...globalSection(), [key]: value } });
  expect([sections, problems.map((p) => p.path)]).toEqual([{}, expect.arrayContaining([path])]);
});

test.each<[string, unknown, string]>([
  ['notPrefixes', [{ prefix: 'x' }], 'notPrefixes[0].prefix'], ['sources', ['static'], 'sources[0]'], ['interfaces', 'eth0', 'interfaces'], ['sessions', ['both'], 'sessions[0]'],
  ['communities', ['65536:1'], 'communities[0]'], ['communities', ['1'], 'communities[0]'], ['asPathPrefix', [-1], 'asPathPrefix[0]'], ['localPref', -1, 'localPref'],
  ['set', 7, 'set'], ['set', { addCommunities: ['nobody-knows'] }, 'set.addCommunities[0]'], ['set', { removeCommunities: 'x' }, 'set.removeCommunities'],
  ['set', { prependAsns: [0] }, 'set.prependAsns[0]'], ['set', { med: 2 ** 32 }, 'set.med'], ['set', { localPref: 1.5 }, 'set.localPref'], ['action', 'maybe', 'action'],
])('a rule with %s = %j leaves its filter out', (key, value, path) => {
  const { sections, problems } = validateSections({ filters: { filters: [{ name: 'f', otherwise: 'next', rules: [{ action: 'accept', [key]: value }] }] } });
  expect([sections.filters!.filters, problems.map((p) => p.path)]).toEqual([[], [`filters/f.rules[0].${path}`]]);
});

test('originate: preferences and static routes', () => {
  const { sections, problems } = validateSections({ originate: {
    routes: [{ prefix: '10.0.0.0/26', blackhole: true, localPref: -1 }],
    statics: [{ prefix: '192.0.2.0/24', via: '198.51.100.1' }, { prefix: '192.0.2.0/24', via: '198.51.100.2' }, { prefix: 'fd00::/64', via: '198.51.100.1' }],
  } });
  expect(sections.originate).toEqual({ routes: [], statics: [{ prefix: '192.0.2.0/24', via: '198.51.100.1' }] });
  expect(problems.map((p) => p.path)).toEqual(['originate[0].localPref', 'originate.statics[1].prefix', 'originate.statics[2].via']);
});

test('an integer that no double holds is a problem like any other, and a value that fills pages is cut', () => {
  const { sections, problems } = validateSections({ ...speakerConfig({ peers: [peerConfig('192.0.2.1'), peerConfig('192.0.2.2', { asn: 2n ** 70n as never, name: 'big' })] }), filters: { filters: 'x'.repeat(5_000) } });
  expect(problems[0]).toEqual({ path: 'peers/big.asn', message: '1180591620717411303424 is not right: expected an integer in 1..4294967295, external or internal' });
  expect(problems[1]!.path).toBe('filters.filters');
  expect(problems[1]!.message.length).toBeLessThan(300);
  expect(sections.peers?.peers.map((p) => p.address)).toEqual(['192.0.2.1']);
});

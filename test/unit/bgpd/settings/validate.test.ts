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

/** What we translate to, beside what Calico's templates render from the same resources. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { existsSync } from 'node:fs';
import type { FilterConfig, SpeakerConfig } from '../../../../config/messages/speaker-config.ts';
import { speakerConfigFor } from '../../../../config/translate/speaker.ts';
import type { ClusterSnapshot } from '../../../../config/translate/snapshot.ts';
import { specialKindOf } from '../../../../lib/ip/special.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { ARCHIVE, birdOf, CalicoBird, functionsOf, sessionsOf, snapshotOf, verdictsIn, verdictsOf, type BirdSession, type Document } from '../../../support/calico-bird.ts';
import { file, program } from '../../../support/capabilities.ts';
import type { Written } from '../../../support/cluster-builders.ts';
import { skipUnless } from '../../../support/skip.ts';

const compare = skipUnless(file(ARCHIVE, "Calico's rendered BIRD configurations"), program('xz'));
let calico: CalicoBird | undefined;
beforeAll(() => { if (existsSync(ARCHIVE)) calico = new CalicoBird(); });
afterAll(() => { calico?.[Symbol.dispose](); });

/** What is rendered, and the resources where they have another name. Each is rendered for kube-master, or else node1. */
const PAIRS: readonly (readonly [rendered: string, resources?: string])[] = [
  ['explicit_peering/global'], ['explicit_peering/global-external'], ['explicit_peering/global-ipv6'], ['explicit_peering/keepnexthop'], ['explicit_peering/keepnexthop-global'],
  ['explicit_peering/local-as'], ['explicit_peering/local-as-global'], ['explicit_peering/local-as-ipv6'], ['explicit_peering/local-as-global-ipv6'],
  ['explicit_peering/route_reflector'], ['explicit_peering/route_reflector_v6_by_ip'], ['explicit_peering/selectors'], ['explicit_peering/specific_node'],
  ['mesh/bgp-export'], ['mesh/communities'], ['mesh/communities/step2', 'mesh/communities+mesh/communities/step2'], ['mesh/hash'], ['mesh/ipip-always'], ['mesh/ipip-cross-subnet'], ['mesh/ipip-off'], ['mesh/restart-time'],
  ['mesh/route-reflector-mesh-enabled'], ['mesh/vxlan-always'], ['next_hop_mode/global_peers'], ['next_hop_mode/route_reflectors'], ['reverse_peering/auto'], ['reverse_peering/manual'],
  ['reachable_by/global_peers'], ['reachable_by/route_reflectors'], ['ttl_security/explicit_node'], ['ttl_security/global'], ['ttl_security/peer_selector'],
  ['ignored_interfaces'], ['felix_cluster_routing'], ['cluster_routes/default'], ['cluster_routes/enabled'], ['cluster_routes/ipip-only'], ['cluster_routes/noencap-only'],
  ['bgpfilter/as_path_and_priority'], ['bgpfilter/communities_and_operations'], ['bgpfilter/export_only/explicit_peer'], ['bgpfilter/export_only/global_peer'],
  ['bgpfilter/filter_deletion/step1', 'bgpfilter/filter_deletion'], ['bgpfilter/filter_names'], ['bgpfilter/import_only/explicit_peer'], ['bgpfilter/import_only/global_peer'],
  ['bgpfilter/kubevirt_live_migration'], ['bgpfilter/large_community'], ['bgpfilter/match_interface'], ['bgpfilter/match_operators'], ['bgpfilter/match_source'],
  ['bgpfilter/multi_filter/explicit_peer'], ['bgpfilter/multi_filter/global_peer'], ['bgpfilter/node_mesh'], ['bgpfilter/peer_type'], ['bgpfilter/single_filter/explicit_peer'],
  ['bgpfilter/single_filter/global_peer'], ['bgpfilter/v4_only/explicit_peer'], ['bgpfilter/v4_only/global_peer'], ['bgpfilter/v6_only/explicit_peer'], ['bgpfilter/v6_only/global_peer'],
  ['mesh/password/step1', 'mesh_password'], ['mesh/password/step2', 'mesh_password'], ['mesh/password/step3', 'mesh_password'],
  ...[1, 2, 3, 4, 5, 6].map((n) => [`password/step${n}`, 'password'] as const),
];

const CASES = PAIRS.map(([rendered, resources]): [string, string] => [rendered, resources ?? rendered]);

interface Translation { readonly value: SpeakerConfig; readonly rendered: string; readonly sessions: readonly BirdSession[]; readonly snapshot: ClusterSnapshot }

function translated(folder: string, from: string): Translation {
  const sessions = calico!.rendered(folder, 'bird').flatMap(sessionsOf);
  const rendered = (['bird', 'bird_aggr', 'bird_ipam'] as const).flatMap((f) => calico!.rendered(folder, f)).join('\n');
  const resources = calico!.resources(from);
  const name = resources.some((r) => r.metadata.name === 'kube-master') ? 'kube-master' : 'node1';
  const snapshot = snapshotOf(resources, blocksOf(rendered, name), secretsOf(resources, sessions));
  return { value: speakerConfigFor(snapshot, name).value!, rendered, sessions, snapshot };
}

/** Blocks are not among the resources: those of which the rendered configuration speaks. */
const blocksOf = (rendered: string, node: string): Written[] => [...new Set([...rendered.matchAll(/if \( net = (\S+) \)/g)].map((m) => m[1]!))]
  .map((cidr, i) => ({ kind: 'BlockAffinity', name: `b${i}`, spec: { cidr, node, state: 'confirmed', deleted: false } }));

/** Secrets neither: those that would give the passwords rendered. */
function secretsOf(resources: readonly Document[], sessions: readonly BirdSession[]): Record<string, Record<string, string>> {
  const secrets: Record<string, Record<string, string>> = {};
  type Ref = { readonly secretKeyRef: { readonly name: string; readonly key: string } } | undefined;
  for (const { kind, spec: written } of resources) {
    const spec = written ?? {};
    const ref = (kind === 'BGPPeer' ? spec['password'] : spec['nodeMeshPassword']) as Ref;
    const password = sessions.find((s) => (kind === 'BGPPeer' ? s.address === spec['peerIP'] : s.name.startsWith('Mesh_')))?.password;
    if (ref !== undefined && password !== undefined) (secrets[ref.secretKeyRef.name] ??= {})[ref.secretKeyRef.key] = password;
  }
  return secrets;
}

/** Calico cuts long names of filters, and adds a hash. */
const cut = (name: string): string => name.replace(/\.(import|export)$/, '').slice(0, 28);
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

compare.each(CASES)('sessions: %s', (folder, from) => {
  const { value, sessions, snapshot } = translated(folder, from);
  const ours = value.peers.peers.map((p): BirdSession => ({
    name: p.name, address: p.address, port: p.port, asn: p.asn as number, localAsn: p.localAsn ?? value.global.asn, source: p.sourceAddress,
    password: p.password, hops: p.ttlSecurityHops, client: p.reflectorClient ?? false, clusterId: p.reflectorClient === true ? value.global.clusterId : undefined,
    nextHop: p.nextHop, restart: p.restartTimeSeconds, keepalive: p.keepaliveSeconds, allowed: p.allowLocalAs,
    imports: p.importFilters.map(cut), exports: p.exportFilters.filter((f) => f !== 'export').map(cut),
  }));
  // Calico would have two sessions with one address on different ports; we have the first and report the second.
  const isOther = (s: BirdSession): boolean => ours.some((o) => o.address === s.address && o.name !== s.name);
  // Some of its examples have peers at multicast addresses.
  const isNoRouter = (s: BirdSession): boolean => specialKindOf(ip(s.address)) !== undefined;
  // It comes up without a password that it cannot find; we do not.
  const asks = snapshot.BGPConfiguration.get('default')?.spec.nodeMeshPassword !== undefined || [...snapshot.BGPPeer.values()].some((p) => p.spec.password !== undefined);
  const isBare = (s: BirdSession): boolean => asks && s.password === undefined;
  const theirs = sessions.filter((s) => !isOther(s) && !isNoRouter(s) && !isBare(s)).map((s) => ({ ...s, imports: s.imports.map(cut), exports: s.exports.map(cut) }));
  expect(ours.sort(byName)).toEqual(theirs.sort(byName));
});

compare.each(CASES.filter(([folder]) => folder.startsWith('bgpfilter/')))('BGPFilters: %s', (folder, from) => {
  const { value, rendered } = translated(folder, from);
  const ours = new Map(value.filters.filters.flatMap((f) => rulesOf(f)));
  const theirs = new Map([...functionsOf(rendered)].map(([name, statements]) => [`${cut(name.slice(0, -9))}.${name.slice(-8)}`, statements]));
  // It renders filters that no session uses as well.
  for (const [name, statements] of ours) expect([name, statements]).toEqual([name, theirs.get(name)]);
  const used = value.peers.peers.flatMap((p) => [...p.importFilters, ...p.exportFilters]).filter((name) => name !== 'export');
  expect([...ours.keys()].map((n) => n.slice(0, -2))).toEqual(expect.arrayContaining([...new Set(used.map((n) => `${cut(n)}.${n.slice(-6)}`))]));
});

function rulesOf({ name, rules }: FilterConfig): [string, string[]][] {
  if (!/\.(import|export)$/.test(name)) return [];
  const of = (family: '4' | '6'): string[] => rules.filter((r) => (r.prefixes?.[0]?.prefix ?? '').includes(':') === (family === '6')).map(birdOf);
  return (['4', '6'] as const).map((f): [string, string[]] => [`${cut(name)}.${name.slice(-6)}.${f}`, of(f)]).filter(([, statements]) => statements.length > 0);
}

compare.each(CASES)('export and kernel: %s', (folder, from) => {
  const { value, rendered, snapshot } = translated(folder, from);
  const [exported, kernel] = value.filters.filters;
  const theirs = ['calico_export_to_bgp_peers', 'calico_aggr'].flatMap((name) => rendered.split(/^(?=function|filter)/m).flatMap((part) => verdictsOf(part, name)));
  expect(new Set(verdictsIn(exported!.rules))).toEqual(new Set(theirs));
  const devices = /^ {6}if (\(\(?ifname.*) then \{$/m.exec(rendered)![1]!;
  expect(exported!.rules.find((r) => r.sessions !== undefined)).toEqual({ sessions: ['ibgp'], interfaces: [...devices.matchAll(/ifname ~ "(.*?)"/g)].map((m) => m[1]), action: 'reject' });
  const added = [...rendered.matchAll(/if \( net ~ (\S+) \) then \{\n((?: +bgp_(?:large_)?community\.add.*\n)+)/g)]
    .map(([, cidr, adds]) => [cidr, new Set([...adds!.matchAll(/\(\((.*?)\)\)/g)].map((m) => m[1]!.replaceAll(', ', ':')))]);
  expect(exported!.rules.filter((r) => r.set !== undefined).map((r) => [r.prefixes![0]!.prefix, new Set(r.set!.addCommunities)])).toEqual(added);
  const tunnelled = [...snapshot.IPPool.values()].filter((p) => p.spec.ipipMode !== 'Never').map((p) => `reject ~ ${p.spec.cidr}`);
  const refused = rendered.split(/^(?=function|filter)/m).flatMap((part) => verdictsOf(part, 'calico_kernel_programming')).filter((v) => v.startsWith('reject'));
  // There are no tunnels of IPIP here.
  expect(new Set(verdictsIn(kernel!.rules))).toEqual(new Set([...refused, ...tunnelled]));
  const ignored = [...rendered.matchAll(/^ +interface (.*?);/gm)].flatMap((m) => [...m[1]!.matchAll(/-"(.*?)"/g)].map((i) => i[1]));
  expect(new Set(value.global.kernel.ignoredInterfaces)).toEqual(new Set(ignored.filter((i) => i !== 'cali*')));
});

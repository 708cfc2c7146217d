/** The sessions we translate to, beside those that Calico's templates render from the same resources. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KindName } from '../../../../config/kinds/kinds.ts';
import { speakerConfigFor } from '../../../../config/translate/speaker.ts';
import { specialKindOf } from '../../../../lib/ip/special.ts';
import { ip } from '../../../../lib/ip/text.ts';
import { file, program } from '../../../support/capabilities.ts';
import { cluster, node, type Written } from '../../../support/cluster-builders.ts';
import { skipUnless } from '../../../support/skip.ts';

const shared = process.env['TORTIE_SHARED'] ?? join(import.meta.dirname, '../../../../../shared');
const archive = join(shared, 'data/calico-bird.tar.xz');
const compare = skipUnless(file(archive, "Calico's rendered BIRD configurations"), program('xz'));

let folder = '';
beforeAll(() => {
  if (!existsSync(archive)) return;
  folder = mkdtempSync(join(tmpdir(), 'tortie-bird-'));
  execFileSync('tar', ['-xJf', archive, '-C', folder]);
});
afterAll(() => { if (folder !== '') rmSync(folder, { recursive: true }); });

/** Cases whose features are built. The first line of each configuration is rendered for kube-master. */
const CASES = [
  'explicit_peering/global', 'explicit_peering/global-external', 'explicit_peering/global-ipv6', 'explicit_peering/keepnexthop',
  'explicit_peering/local-as', 'explicit_peering/local-as-global', 'explicit_peering/local-as-ipv6', 'explicit_peering/local-as-global-ipv6',
  'explicit_peering/route_reflector', 'explicit_peering/route_reflector_v6_by_ip', 'explicit_peering/selectors', 'explicit_peering/specific_node',
  'mesh/bgp-export', 'mesh/communities', 'mesh/hash', 'mesh/ipip-off', 'mesh/restart-time', 'mesh/route-reflector-mesh-enabled',
  'mesh/vxlan-always', 'next_hop_mode/global_peers', 'next_hop_mode/route_reflectors', 'reverse_peering/auto', 'reverse_peering/manual',
  'reachable_by/global_peers', 'reachable_by/route_reflectors',
];

compare.each(CASES)('%s', (name) => {
  const resources = documents(readFileSync(join(folder, 'mock_data/calicoctl', name, 'input.yaml'), 'utf8'));
  const { value } = speakerConfigFor(snapshotOf(resources), 'kube-master');
  const rendered = ['bird.cfg', 'bird6.cfg'].map((f) => join(folder, 'compiled_templates', name, f)).filter((f) => existsSync(f))
    .flatMap((f) => sessionsOf(readFileSync(f, 'utf8')));
  const ours = value!.peers.peers.map((p) => ({
    name: p.name, address: p.address, port: p.port, asn: p.asn, localAsn: p.localAsn ?? value!.global.asn, source: p.sourceAddress,
  }));
  // Calico would have two sessions with one address on different ports; we have the first and report the second.
  const isOther = (s: Session): boolean => ours.some((o) => o.address === s.address && o.name !== s.name);
  // Some of its examples have peers at multicast addresses.
  const isNoRouter = (s: Session): boolean => specialKindOf(ip(s.address)) !== undefined;
  expect(ours.sort(byName)).toEqual(rendered.filter((s) => !isOther(s) && !isNoRouter(s)).sort(byName));
});

interface Session { readonly name: string; readonly address: string; readonly port: number; readonly asn: number; readonly localAsn: number; readonly source: string | undefined }
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

function sessionsOf(config: string): Session[] {
  const local = Number(/^template bgp .*?^ +local as (\d+)/ms.exec(config)?.[1]);
  return [...config.matchAll(/^protocol bgp (\S+) from bgp_template \{\n(.*?)^\}/gms)].map(([, name, body]) => {
    const [, address, port, asn] = /^\s*neighbor (\S+)(?: port (\d+))? as (\d+);/m.exec(body!)!;
    return {
      name: name!, address: address!, port: Number(port ?? 179), asn: Number(asn),
      localAsn: Number(/^\s*local as (\d+)/m.exec(body!)?.[1] ?? local), source: /^\s*source address ([^;\s]+)/m.exec(body!)?.[1],
    };
  });
}

interface Document { readonly kind: string; readonly metadata: { readonly name: string; readonly labels?: Record<string, unknown> }; readonly spec?: Record<string, unknown> }
const documents = (text: string): Document[] => parseAllDocuments(text, { version: '1.1' }).map((d) => d.toJS() as Document | null).filter((d) => d !== null);

function snapshotOf(resources: readonly Document[]): ReturnType<typeof cluster> {
  const nodes = resources.filter((r) => r.kind === 'Node').map((r) => {
    const bgp = (r.spec?.['bgp'] ?? {}) as { ipv4Address?: string; ipv6Address?: string; asNumber?: number; routeReflectorClusterID?: string };
    return node(r.metadata.name, {
      ...(bgp.ipv4Address === undefined ? {} : { v4: bgp.ipv4Address }), ...(bgp.ipv6Address === undefined ? {} : { v6: bgp.ipv6Address }),
      ...(bgp.asNumber === undefined ? {} : { asn: bgp.asNumber }),
      ...(bgp.routeReflectorClusterID === undefined ? {} : { clusterId: bgp.routeReflectorClusterID }),
      labels: Object.fromEntries(Object.entries(r.metadata.labels ?? {}).map(([k, v]) => [k, String(v)])),
    });
  });
  const others = resources.filter((r) => r.kind !== 'Node')
    .map((r): Written => ({ kind: r.kind as KindName, name: r.metadata.name, spec: r.spec ?? {} }));
  return cluster(nodes, others);
}

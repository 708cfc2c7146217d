/** Pairs of Calico's resources and the BIRD configuration that Calico makes of them: read, and said in words to compare. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, type Tags } from 'yaml';
import type { KindName } from '../../config/kinds/kinds.ts';
import type { FilterRule, PrefixMatch } from '../../config/messages/speaker-config.ts';
import type { ClusterSnapshot } from '../../config/translate/snapshot.ts';
import { showPrefix, prefix } from '../../lib/ip/text.ts';
import { cluster, node, type Written } from './cluster-builders.ts';

const shared = process.env['TORTIE_SHARED'] ?? join(import.meta.dirname, '../../../shared');
export const ARCHIVE = join(shared, 'data/calico-bird.tar.xz');

/** As Kubernetes' YAML: `yes` is true, but `5663:12` is no number to base 60. */
const withoutTimes = (tags: Tags): Tags => tags.filter((tag) => typeof tag === 'string' || !('format' in tag) || tag.format !== 'TIME');

export class CalicoBird implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tortie-bird-'));

  constructor() { execFileSync('tar', ['-xJf', ARCHIVE, '-C', this.#folder]); }

  [Symbol.dispose](): void { rmSync(this.#folder, { recursive: true }); }

  /** Both families' files of this name, of what is rendered in `folder`. */
  rendered(folder: string, file: 'bird' | 'bird_aggr' | 'bird_ipam'): string[] {
    return [file, file.replace('bird', 'bird6')].map((f) => join(this.#folder, 'compiled_templates', folder, `${f}.cfg`))
      .filter((f) => existsSync(f)).map((f) => readFileSync(f, 'utf8'));
  }

  /** Of several folders, joined by `+`, one after the other. */
  resources(folders: string): Document[] {
    const texts = folders.split('+').map((folder) => readFileSync(join(this.#folder, 'mock_data/calicoctl', folder, 'input.yaml'), 'utf8'));
    return texts.flatMap((text) => parseAllDocuments(text, { version: '1.1', customTags: withoutTimes })).map((d) => d.toJS() as Document | null).filter((d) => d !== null);
  }
}

export interface Document { readonly kind: string; readonly metadata: { readonly name: string; readonly labels?: Record<string, unknown> }; readonly spec?: Record<string, unknown> }

export function snapshotOf(resources: readonly Document[], more: readonly Written[] = [], secrets: Readonly<Record<string, Readonly<Record<string, string>>>> = {}): ClusterSnapshot {
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
  return cluster(nodes, [...others, ...more], secrets);
}

export interface BirdSession {
  readonly name: string; readonly address: string; readonly port: number; readonly asn: number; readonly localAsn: number; readonly source: string | undefined;
  readonly password: string | undefined; readonly hops: number | undefined; readonly client: boolean; readonly clusterId: string | undefined;
  readonly nextHop: string; readonly restart: number | undefined; readonly keepalive: number | undefined; readonly allowed: number;
  readonly imports: readonly string[]; readonly exports: readonly string[];
}

export function sessionsOf(config: string): BirdSession[] {
  const local = Number(/^template bgp .*?^ +local as (\d+)/ms.exec(config)?.[1]);
  return [...config.matchAll(/^protocol bgp (\S+) from bgp_template \{\n(.*?)^\}/gms)].map(([, name, body]) => {
    const one = (pattern: RegExp): string | undefined => pattern.exec(body!)?.[1];
    const number = (pattern: RegExp): number | undefined => (one(pattern) === undefined ? undefined : Number(one(pattern)));
    const called = (direction: string): string[] => [...body!.matchAll(new RegExp(`^ +'bgp_(.*)_${direction}FilterV[46]'`, 'gm'))].map((m) => m[1]!);
    return {
      name: name!, address: one(/^\s*neighbor (\S+)/m)!, port: number(/^\s*neighbor \S+ port (\d+)/m) ?? 179, asn: number(/^\s*neighbor .*as (\d+);/m)!,
      localAsn: number(/^\s*local as (\d+)/m) ?? local, source: one(/^\s*source address ([^;\s]+)/m),
      password: one(/^\s*password "(.*)";/m), hops: /ttl security on/.test(body!) ? number(/multihop (\d+)/) : undefined,
      client: /^\s*rr client;/m.test(body!), clusterId: one(/^\s*rr cluster id (\S+);/m),
      nextHop: one(/^\s*next hop (self|keep);/m) ?? 'auto', restart: number(/^\s*graceful restart time (\d+)/m),
      keepalive: number(/^\s*keepalive time (\d+)/m), allowed: number(/^\s*allow local as (\d+)/m) ?? 0,
      imports: called('import'), exports: called('export'),
    };
  });
}

/** BGPFilters' functions: `NAME.import.4` → their statements, with spaces and brackets that mean nothing left out. */
export function functionsOf(config: string): Map<string, string[]> {
  return new Map([...config.matchAll(/^function 'bgp_([^\n]*)_(import|export)FilterV([46])'\([^\n]*\) \{\n(.*?)^\}/gms)]
    .map(([, name, direction, family, body]) => [`${name}.${direction}.${family}`, body!.trim().split('\n').map(plain)]));
}

const plain = (statement: string): string => statement.trim().replace(/[()\s]/g, '').replace(/([0-9a-f:]*::?[0-9a-f:]*\/\d+|\d+\.\d+\.\d+\.\d+\/\d+)/g, (text) => { try { return showPrefix(prefix(text)); } catch { return text; } });

/** One rule of ours as BIRD would say it. Prefixes of a whole family are what every rule of that family is about. */
export function birdOf(rule: FilterRule): string {
  const conditions = [
    ...(rule.prefixes ?? []).filter((p) => !/^(0\.0\.0\.0|::)\/0$/.test(p.prefix)).map((p) => `net${isExact(p) ? '=' : '~'}${within(p)}`),
    ...(rule.notPrefixes ?? []).map((p) => `net${isExact(p) ? '!=' : '!~'}${within(p)}`),
    ...(rule.sources === undefined ? [] : ['definedsource&&source~[RTS_BGP]']),
    ...(rule.interfaces ?? []).map((i) => `definedifname&&ifname~"${i}"`),
    ...(rule.communities ?? []).map((c) => `${c.replaceAll(':', ',')}~bgp_${c.split(':').length === 2 ? '' : 'large_'}community`),
    ...(rule.asPathPrefix === undefined ? [] : [`bgp_path~[=${rule.asPathPrefix.join('')}*=]`]),
    ...(rule.localPref === undefined ? [] : [`definedbgp_local_pref&&bgp_local_pref=${rule.localPref}`]),
  ];
  const changes = [
    ...(rule.set?.addCommunities ?? []).map((c) => `bgp_${c.split(':').length === 2 ? '' : 'large_'}community.add${c.replaceAll(':', ',')};`),
    ...(rule.set?.prependAsns ?? []).toReversed().map((a) => `bgp_path.prepend${a};`),
    ...(rule.set?.localPref === undefined ? [] : [`bgp_local_pref=${rule.set.localPref};`]),
  ];
  const verdict = `${changes.join('')}${rule.action};`;
  const statement = conditions.length === 0 ? verdict : `if${conditions.join('&&')}then{${verdict}}`;
  return rule.sessions === undefined ? statement : `if${rule.sessions[0] === 'ibgp' ? '' : '!'}is_same_asthen{${statement}}`;
}

const isExact = (p: PrefixMatch): boolean => p.minLength === undefined && p.maxLength === undefined;
const isWhole = (p: PrefixMatch): boolean => p.minLength === undefined && p.maxLength === (p.prefix.includes(':') ? 128 : 32);
const within = (p: PrefixMatch): string => (isExact(p) || isWhole(p) ? p.prefix : `[${p.prefix}{${p.minLength ?? p.prefix.split('/')[1]},${p.maxLength}}]`);

/** `accept 10.0.0.0/8` and the like: the verdicts that a function or filter gives on prefixes, in its order. */
export function verdictsOf(config: string, name: string): string[] {
  const body = new RegExp(`^(?:function|filter) ${name} ?(?:\\(.*?\\))? ?\\n?\\{\\n(.*?)^\\}`, 'ms').exec(config)?.[1] ?? '';
  return [...body.matchAll(/if \(? ?net (=|~) (\S+?) ?(&& krt_metric < (\d+) ?)?\)+ then \{ .*?(accept|reject); \}/g)]
    .map(([, operator, text, , metric, verdict]) => `${verdict} ${operator} ${showPrefix(prefix(text!))}${metric === undefined ? '' : ` metric<${metric}`}`);
}

/** The same of rules of ours, one word for each prefix. */
export const verdictsIn = (rules: readonly FilterRule[]): string[] => rules.filter((r) => r.sources === undefined && r.action !== 'next').flatMap((r) => (r.prefixes ?? [])
  .map((p) => `${r.action} ${isExact(p) ? '=' : '~'} ${p.prefix}${r.minLocalPref === undefined ? '' : ` metric<${2_147_483_648 - r.minLocalPref}`}`));

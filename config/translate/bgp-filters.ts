/** BGPFilters as filters of the speaker: of each one for what is received and one for what is sent. */
import type { Problem } from '../../lib/errors.ts';
import { bitsOf, FAMILIES, lengthOf, type Family } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import type { BGPFilter } from '../kinds/bgp-filter.ts';
import type { FilterConfig, FilterRule, PrefixMatch, RouteChanges } from '../messages/speaker-config.ts';
import { everything, exactly } from './prefix-matches.ts';
import { localPrefOf } from './priorities.ts';
import type { ClusterSnapshot } from './snapshot.ts';

export type Direction = 'import' | 'export';
/** Those of both families and directions have the same fields. */
type Rule = NonNullable<BGPFilter['spec']['importV4']>[number];

/** No name of a BGPFilter is too long or too odd: none of them is the name of a filter of ours. */
export const filterName = (name: string, direction: Direction): string => `${name}.${direction}`;

const FIELDS = { import: { ipv4: 'importV4', ipv6: 'importV6' }, export: { ipv4: 'exportV4', ipv6: 'exportV6' } } as const;

const rulesIn = (filter: BGPFilter, direction: Direction, family: Family): readonly Rule[] => filter.spec[FIELDS[direction][family]] ?? [];

/** It exists, but could not be understood: then it refuses everything, since nobody knows what it was to hold back. */
const isUnreadable = (cluster: ClusterSnapshot, name: string): boolean =>
  !cluster.BGPFilter.has(name) && cluster.problems.some((p) => p.path.startsWith(`BGPFilter/${name}.`));

/**
 * The filters of a session in order, by their names here, without those that have nothing to say of its families. One
 * that does not exist is a problem and otherwise ignored, as Calico does: the standard rules go on to apply.
 */
export function sessionFilters(cluster: ClusterSnapshot, names: readonly string[], families: readonly Family[], path: string, problems: Problem[]): Readonly<Record<Direction, readonly string[]>> {
  const of = (direction: Direction): string[] => names.filter((name) => {
    const filter = cluster.BGPFilter.get(name);
    return filter === undefined ? isUnreadable(cluster, name) : families.some((f) => rulesIn(filter, direction, f).length > 0);
  }).map((name) => filterName(name, direction));
  names.forEach((name, i) => {
    if (cluster.BGPFilter.has(name)) return;
    const message = isUnreadable(cluster, name)
      ? `BGPFilter/${name} cannot be understood: expected one without problems; until then the peer sends and gets nothing`
      : `there is no BGPFilter ${JSON.stringify(name)}: expected the name of one; the session goes without it`;
    problems.push({ path: `${path}.spec.filters[${i}]`, message });
  });
  return { import: of('import'), export: of('export') };
}

/** The filters that sessions use, in the order of their names. */
export function bgpFilters(cluster: ClusterSnapshot, used: ReadonlySet<string>): FilterConfig[] {
  const known = [...cluster.BGPFilter.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const directions = ['import', 'export'] as const;
  const good = known.flatMap((filter) => directions.map((d): FilterConfig => ({
    name: filterName(filter.metadata.name, d), rules: FAMILIES.flatMap((f) => rulesIn(filter, d, f).map((r) => ruleOf(r, f))), otherwise: 'next',
  })));
  const found = new Set(good.map((f) => f.name));
  const unreadable = [...used].filter((name) => !found.has(name)).sort().map((name): FilterConfig => ({ name, rules: [], otherwise: 'reject' }));
  return [...good.filter((f) => used.has(f.name)), ...unreadable];
}

function ruleOf(rule: Rule, family: Family): FilterRule {
  const { source, interface: pattern, peerType, communities, asPathPrefix, priority, action } = rule;
  const set = changesOf(rule.operations ?? []);
  return {
    ...prefixesOf(rule, family),
    ...(source === undefined ? {} : { sources: ['ebgp', 'ibgp'] as const }),
    ...(pattern === undefined || pattern === '' ? {} : { interfaces: [pattern] }),
    ...(peerType === undefined ? {} : { sessions: [peerType === 'eBGP' ? 'ebgp' : 'ibgp'] as const }),
    ...(communities === undefined ? {} : { communities: communities.values }),
    ...(asPathPrefix === undefined || asPathPrefix.length === 0 ? {} : { asPathPrefix }),
    ...(priority === undefined ? {} : { localPref: localPrefOf(priority) }),
    ...(set === undefined ? {} : { set }),
    action: action === 'Accept' ? 'accept' : 'reject',
  };
}

/** Rules of one family never match routes of the other. */
function prefixesOf({ cidr, matchOperator, prefixLength }: Rule, family: Family): Pick<FilterRule, 'prefixes' | 'notPrefixes'> {
  const prefix = cidr === undefined ? undefined : parsePrefix(cidr);
  if (prefix === undefined) return { prefixes: [everything(family)] };
  const minimum = Math.max(lengthOf(prefix), prefixLength?.min ?? 0);
  const maximum = Math.min(bitsOf(family), prefixLength?.max ?? bitsOf(family));
  const isIn = matchOperator === 'In' || matchOperator === 'NotIn';
  const bounds: PrefixMatch = { prefix: showPrefix(prefix), ...(minimum > lengthOf(prefix) ? { minLength: minimum } : {}), maxLength: maximum };
  const isPossible = minimum <= maximum && (isIn || minimum === lengthOf(prefix));
  const matches = isPossible ? [isIn ? bounds : exactly(prefix)] : [];
  return matchOperator === 'NotIn' || matchOperator === 'NotEqual' ? { prefixes: [everything(family)], notPrefixes: matches } : { prefixes: matches };
}

type Operation = NonNullable<Rule['operations']>[number];

/** One after the other: what is prepended later stands before, the last priority counts. */
function changesOf(operations: readonly Operation[]): RouteChanges | undefined {
  if (operations.length === 0) return undefined;
  const addCommunities = operations.map((o) => o.addCommunity?.value).filter((c) => c !== undefined);
  const prependAsns = operations.map((o) => o.prependASPath?.prefix ?? []).reduce((path, more) => [...more, ...path], []);
  const priority = operations.findLast((o) => o.setPriority !== undefined)?.setPriority?.value;
  return {
    ...(addCommunities.length === 0 ? {} : { addCommunities: [...new Set(addCommunities)] }),
    ...(prependAsns.length === 0 ? {} : { prependAsns }),
    ...(priority === undefined ? {} : { localPref: localPrefOf(priority) }),
  };
}

/**
 * What a filter could accept of the kernel's routes, so that they become candidates: they have no communities and no AS
 * path, and no peer told of them. More than it will accept in the end.
 */
export function kernelMatches(filter: FilterConfig): FilterRule[] {
  return filter.rules
    .filter((r) => r.action === 'accept' && r.sources === undefined && r.communities === undefined && r.asPathPrefix === undefined)
    .map(({ prefixes, notPrefixes, interfaces }) => ({
      ...(prefixes === undefined ? {} : { prefixes }), ...(notPrefixes === undefined ? {} : { notPrefixes }),
      ...(interfaces === undefined ? {} : { interfaces }), action: 'accept',
    }));
}

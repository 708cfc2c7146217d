/** Filters of the configuration, compiled once into functions: which routes of which sources pass. */
import { bitsOf, contains, familyOf, lengthOf, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix } from '../../lib/ip/text.ts';
import type { FilterConfig, FilterRule, PrefixMatch } from '../../config/messages/speaker-config.ts';
import type { Source } from './route.ts';

export type SourceKind = Source['kind'];

/** True: the route passes. */
export type RouteFilter = (prefix: Prefix, source: SourceKind) => boolean;

type Verdict = 'accept' | 'reject' | 'next';
type CompiledFilter = (prefix: Prefix, source: SourceKind) => Verdict;

/** All filters of a configuration by name. */
export type Filters = ReadonlyMap<string, CompiledFilter>;

export const compileFilters = (configs: readonly FilterConfig[]): Filters =>
  new Map(configs.map((config) => [config.name, compileFilter(config)]));

/**
 * The filters named, in order: the first verdict counts, none means accept. Undefined: everything passes, so that hot
 * paths need not ask. A name that is not known rejects everything: a typing error must not leak routes.
 */
export function chainOf(names: readonly string[], filters: Filters): RouteFilter | undefined {
  if (names.length === 0) return undefined;
  const chain = names.map((name) => filters.get(name) ?? rejectAll);
  return (prefix, source) => {
    for (const filter of chain) {
      const verdict = filter(prefix, source);
      if (verdict !== 'next') return verdict === 'accept';
    }
    return true;
  };
}

const rejectAll: CompiledFilter = () => 'reject';

function compileFilter(config: FilterConfig): CompiledFilter {
  const rules = config.rules.map(compileRule);
  return (prefix, source) => {
    for (const { matches, action } of rules) if (matches(prefix, source)) return action;
    return config.otherwise;
  };
}

function compileRule(rule: FilterRule): { readonly matches: RouteFilter; readonly action: 'accept' | 'reject' } {
  const { sources, action } = rule;
  const ranges = rule.prefixes?.flatMap(compileRange);
  const matches: RouteFilter = (prefix, source) =>
    (sources === undefined || sources.includes(source)) && (ranges === undefined || ranges.some((r) => isIn(r, prefix)));
  return { matches, action };
}

interface Range { readonly outer: Prefix; readonly minimum: number; readonly maximum: number }

/** Bounds default to the exact length of the prefix; one bound alone opens the other side as far as it goes. */
function compileRange(match: PrefixMatch): Range[] {
  const outer = parsePrefix(match.prefix);
  if (outer === undefined) return [];
  const isExact = match.minLength === undefined && match.maxLength === undefined;
  const longest = isExact ? lengthOf(outer) : bitsOf(familyOf(outer));
  return [{ outer, minimum: match.minLength ?? lengthOf(outer), maximum: match.maxLength ?? longest }];
}

function isIn({ outer, minimum, maximum }: Range, prefix: Prefix): boolean {
  const length = lengthOf(prefix);
  return length >= minimum && length <= maximum && contains(outer, prefix);
}

/** Filters of the configuration, compiled once into functions: which routes of which sources pass. */
import { bitsOf, contains, familyOf, lengthOf, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix } from '../../lib/ip/text.ts';
import type { FilterConfig, FilterRule, PrefixMatch } from '../../config/messages/speaker-config.ts';
import type { PathAttributes } from '../wire/message.ts';
import type { Route } from './route.ts';

/** True: the route passes as it is. Attributes: it passes with these instead; the same ones always give the same. False: it does not. */
export type RouteFilter = (prefix: Prefix, route: Route) => boolean | PathAttributes;

/** The session that a filter runs for; undefined: it runs for none. */
export type SessionKind = 'ebgp' | 'ibgp' | undefined;

type Verdict = 'accept' | 'reject' | 'next';
type CompiledFilter = (prefix: Prefix, route: Route) => Verdict;

/** All filters of a configuration by name. */
export type Filters = ReadonlyMap<string, CompiledFilter>;

export const compileFilters = (configs: readonly FilterConfig[]): Filters =>
  new Map(configs.map((config) => [config.name, compileFilter(config)]));

/**
 * The filters named, in order: the first verdict counts, none means accept. Undefined: everything passes, so that hot
 * paths need not ask. A name that is not known rejects everything: a typing error must not leak routes.
 */
export function chainOf(names: readonly string[], filters: Filters, _session: SessionKind): RouteFilter | undefined {
  if (names.length === 0) return undefined;
  const chain = names.map((name) => filters.get(name) ?? rejectAll);
  return (prefix, route) => {
    for (const filter of chain) {
      const verdict = filter(prefix, route);
      if (verdict !== 'next') return verdict === 'accept';
    }
    return true;
  };
}

const rejectAll: CompiledFilter = () => 'reject';

function compileFilter(config: FilterConfig): CompiledFilter {
  const rules = config.rules.map(compileRule);
  return (prefix, route) => {
    for (const { matches, action } of rules) if (matches(prefix, route)) return action;
    return config.otherwise;
  };
}

function compileRule(rule: FilterRule): { readonly matches: (prefix: Prefix, route: Route) => boolean; readonly action: Verdict } {
  const { sources, action } = rule;
  const ranges = rule.prefixes?.flatMap(compileRange);
  const matches = (prefix: Prefix, route: Route): boolean =>
    (sources === undefined || sources.includes(route.source.kind)) && (ranges === undefined || ranges.some((r) => isIn(r, prefix)));
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

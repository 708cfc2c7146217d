/** Filters of the configuration, compiled once into functions: which routes pass, and changed how. */
import type { Prefix } from '../../lib/ip/prefix.ts';
import type { FilterConfig, FilterRule } from '../../config/messages/speaker-config.ts';
import type { PathAttributes } from '../wire/message.ts';
import { changerOf, type Changer } from './filter-changes.ts';
import { matcherOf, type InterfaceName, type Matcher } from './filter-matches.ts';
import type { Route } from './route.ts';

/** True: the route passes as it is. Attributes: it passes with these instead; the same ones always give the same. False: it does not. */
export type RouteFilter = (prefix: Prefix, route: Route) => boolean | PathAttributes;

/** `attributes`: what the route is to be looked at with, its own unless said; true means that those it has are right. */
export type FilterChain = (prefix: Prefix, route: Route, attributes?: PathAttributes) => boolean | PathAttributes;

/** The session that a filter runs for; undefined: it runs for none. */
export type SessionKind = 'ebgp' | 'ibgp' | undefined;

interface Rule {
  readonly matches: Matcher | undefined;
  readonly change: Changer | undefined;
  readonly action: 'accept' | 'reject' | 'next';
}

interface CompiledFilter {
  readonly ebgp: readonly Rule[];
  readonly ibgp: readonly Rule[];
  readonly none: readonly Rule[];
  /** What it says depends on the interface by which a route leaves: links that change make it say something else. */
  readonly asksInterfaces: boolean;
}

/** All filters of a configuration by name. */
export type Filters = ReadonlyMap<string, CompiledFilter>;

const REJECT_ALL: readonly Rule[] = [{ matches: undefined, change: undefined, action: 'reject' }];

export const compileFilters = (configs: readonly FilterConfig[], interfaceName: InterfaceName = () => undefined): Filters =>
  new Map(configs.map((config) => [config.name, compileFilter(config, interfaceName)]));

/**
 * The filters named, in order, for one kind of session: the first verdict counts, none means accept. Undefined: everything
 * passes as it is, so that hot paths need not ask. A name that is not known rejects everything: a typing error must not
 * leak routes.
 */
export function chainOf(names: readonly string[], filters: Filters, session: SessionKind): FilterChain | undefined {
  const rules = names.flatMap((name) => filters.get(name)?.[session ?? 'none'] ?? REJECT_ALL);
  if (rules.length === 0) return undefined;
  return (prefix, route, given = route.attributes) => {
    let attributes = given;
    for (const { matches, change, action } of rules) {
      if (matches !== undefined && !matches(prefix, route, attributes)) continue;
      if (change !== undefined) attributes = change(attributes);
      if (action === 'reject') return false;
      if (action === 'accept') break;
    }
    return attributes === route.attributes || attributes;
  };
}

export const asksInterfaces = (names: readonly string[], filters: Filters): boolean =>
  names.some((name) => filters.get(name)?.asksInterfaces === true);

/** A verdict for what no rule matches is one more rule. Rules for other sessions than one's own are left out. */
function compileFilter(config: FilterConfig, interfaceName: InterfaceName): CompiledFilter {
  const rules = config.rules.map((rule) => ({ sessions: rule.sessions, compiled: compileRule(rule, interfaceName) }));
  const last: Rule[] = config.otherwise === 'next' ? [] : [{ matches: undefined, change: undefined, action: config.otherwise }];
  const rulesFor = (session: SessionKind): Rule[] => [
    ...rules.filter(({ sessions }) => sessions === undefined || (session !== undefined && sessions.includes(session))).map((r) => r.compiled),
    ...last,
  ];
  return {
    ebgp: rulesFor('ebgp'), ibgp: rulesFor('ibgp'), none: rulesFor(undefined),
    asksInterfaces: config.rules.some((rule) => rule.interfaces !== undefined),
  };
}

const compileRule = (rule: FilterRule, interfaceName: InterfaceName): Rule =>
  ({ matches: matcherOf(rule, interfaceName), change: rule.set && changerOf(rule.set), action: rule.action });

/** What a filter rule matches, compiled: one function for all that the rule names. */
import type { FilterRule, PrefixMatch } from '../../config/messages/speaker-config.ts';
import { globMatcher } from '../../lib/glob.ts';
import { bitsOf, contains, familyOf, lengthOf, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix } from '../../lib/ip/text.ts';
import { parseCommunity, parseLargeCommunity } from '../wire/community-text.ts';
import type { PathAttributes } from '../wire/message.ts';
import type { Route } from './route.ts';

/** `attributes` are those that rules before have made of the route's. */
export type Matcher = (prefix: Prefix, route: Route, attributes: PathAttributes) => boolean;

/** The name of an interface as of now; undefined: it is not there. */
export type InterfaceName = (interfaceIndex: number) => string | undefined;

/** Undefined: the rule names nothing, so it matches everything. The kind of session is not looked at. */
export function matcherOf(rule: FilterRule, interfaceName: InterfaceName): Matcher | undefined {
  const matchers = [
    rule.sources && sourceMatcher(rule.sources),
    rule.prefixes && prefixMatcher(rule.prefixes),
    rule.notPrefixes && noneOf(prefixMatcher(rule.notPrefixes)),
    rule.interfaces && interfaceMatcher(rule.interfaces, interfaceName),
    rule.communities && communityMatcher(rule.communities),
    rule.asPathPrefix && asPathMatcher(rule.asPathPrefix),
    rule.localPref === undefined ? undefined : localPrefMatcher((value) => value === rule.localPref),
    rule.minLocalPref === undefined ? undefined : localPrefMatcher((value) => value >= rule.minLocalPref!),
  ].filter((matcher) => matcher !== undefined);
  const [first, second] = matchers;
  if (matchers.length < 2) return first;
  if (matchers.length === 2) return (prefix, route, attributes) => first!(prefix, route, attributes) && second!(prefix, route, attributes);
  return (prefix, route, attributes) => matchers.every((matches) => matches(prefix, route, attributes));
}

const noneOf = (matches: Matcher): Matcher => (prefix, route, attributes) => !matches(prefix, route, attributes);

const sourceMatcher = (sources: NonNullable<FilterRule['sources']>): Matcher =>
  (_prefix, { source }) => sources.includes(source.kind);

function prefixMatcher(matches: readonly PrefixMatch[]): Matcher {
  const ranges = matches.flatMap(rangeOf);
  return (prefix) => {
    for (const range of ranges) if (isIn(range, prefix)) return true;
    return false;
  };
}

interface Range { readonly outer: Prefix; readonly minimum: number; readonly maximum: number }

/** Bounds default to the exact length of the prefix; one bound alone opens the other side as far as it goes. */
function rangeOf(match: PrefixMatch): Range[] {
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

function interfaceMatcher(patterns: readonly string[], interfaceName: InterfaceName): Matcher {
  const globs = patterns.map(globMatcher);
  return (_prefix, { hop }) => {
    const name = hop?.via === undefined ? undefined : interfaceName(hop.via.interfaceIndex);
    return name !== undefined && globs.some((matches) => matches(name));
  };
}

function communityMatcher(texts: readonly string[]): Matcher {
  const standard = texts.map(parseCommunity).filter((c) => c !== undefined);
  const large = texts.map(parseLargeCommunity).filter((c) => c !== undefined);
  return (_prefix, _route, { communities, largeCommunities }) => standard.some((c) => communities.includes(c))
    || large.some(([a, b, c]) => largeCommunities.some((l) => l[0] === a && l[1] === b && l[2] === c));
}

/** Numbers in sequences alone have a place: a set at the beginning begins with no number. */
function asPathMatcher(wanted: readonly number[]): Matcher {
  return (_prefix, _route, { asPath }) => {
    let at = 0;
    for (const { type, asns } of asPath) {
      if (at === wanted.length) break;
      if (type !== 'sequence') return false;
      for (const asn of asns) {
        if (at === wanted.length) break;
        if (asn !== wanted[at++]) return false;
      }
    }
    return at === wanted.length;
  };
}

/** What the decision process would use. */
const localPrefMatcher = (isWanted: (localPref: number) => boolean): Matcher => (_prefix, route, attributes) =>
  isWanted(attributes === route.attributes ? route.localPref : attributes.localPref ?? route.localPref);

/** Validates the filters section. */
import type { FilterConfig, FilterRule, FiltersSection, PrefixMatch, RouteChanges } from '../../config/messages/speaker-config.ts';
import type { Problem } from '../../lib/errors.ts';
import { bitsOf, familyOf, lengthOf } from '../../lib/ip/prefix.ts';
import { prefix } from '../../lib/ip/text.ts';
import { parseCommunity, parseLargeCommunity } from '../wire/community-text.ts';
import { Fields, goodOnes, MAXIMUM_U32, nameOf } from './fields.ts';

const COMMUNITY = 'a community such as 65000:1 or 65000:1:2';

export function readFilters(value: unknown, problems: Problem[]): FiltersSection {
  const names = new Set<string>();
  const filters = goodOnes(new Fields(value, 'filters', problems).list('filters'), problems, (item, i, own) => {
    const filter = readFilter(item, i, own);
    if (names.has(filter.name)) own.push({ path: `filters/${filter.name}`, message: 'another filter has this name: expected a unique one' });
    names.add(filter.name);
    return filter;
  });
  return { filters };
}

function readFilter(value: unknown, index: number, problems: Problem[]): FilterConfig {
  const path = `filters/${nameOf(value) ?? `[${index}]`}`;
  const f = new Fields(value, path, problems);
  return {
    name: f.name('name'),
    rules: f.list('rules').map((rule, i) => readRule(new Fields(rule, `${path}.rules[${i}]`, problems), problems)),
    otherwise: f.oneOf('otherwise', ['accept', 'reject', 'next']),
  };
}

function readRule(f: Fields, problems: Problem[]): FilterRule {
  const matches = (key: string): PrefixMatch[] =>
    f.list(key).map((item, i) => readMatch(new Fields(item, `${f.path}.${key}[${i}]`, problems)));
  return {
    ...(f.has('prefixes') && { prefixes: matches('prefixes') }),
    ...(f.has('notPrefixes') && { notPrefixes: matches('notPrefixes') }),
    ...(f.has('sources') && { sources: f.strings('sources', ['originated', 'kernel', 'ebgp', 'ibgp']) }),
    ...(f.has('interfaces') && { interfaces: f.strings('interfaces') }),
    ...(f.has('sessions') && { sessions: f.strings('sessions', ['ebgp', 'ibgp']) }),
    ...(f.has('communities') && { communities: readCommunities(f, 'communities') }),
    ...(f.has('asPathPrefix') && { asPathPrefix: f.integers('asPathPrefix', 0, MAXIMUM_U32) }),
    ...(f.has('localPref') && { localPref: f.integer('localPref', 0, MAXIMUM_U32) }),
    ...(f.has('minLocalPref') && { minLocalPref: f.integer('minLocalPref', 0, MAXIMUM_U32) }),
    ...(f.has('set') && { set: readChanges(f.object('set')) }),
    action: f.oneOf('action', ['accept', 'reject', 'next']),
  };
}

function readMatch(f: Fields): PrefixMatch {
  const text = f.prefix('prefix');
  const packed = prefix(text);
  const [shortest, longest] = [lengthOf(packed), bitsOf(familyOf(packed))];
  return {
    prefix: text,
    ...(f.has('minLength') && { minLength: f.integer('minLength', shortest, longest) }),
    ...(f.has('maxLength') && { maxLength: f.integer('maxLength', shortest, longest) }),
  };
}

const readChanges = (f: Fields): RouteChanges => ({
  ...(f.has('addCommunities') && { addCommunities: readCommunities(f, 'addCommunities') }),
  ...(f.has('removeCommunities') && { removeCommunities: readCommunities(f, 'removeCommunities') }),
  ...(f.has('prependAsns') && { prependAsns: f.integers('prependAsns', 1, MAXIMUM_U32) }),
  ...(f.has('localPref') && { localPref: f.integer('localPref', 0, MAXIMUM_U32) }),
  ...(f.has('med') && { med: f.integer('med', 0, MAXIMUM_U32) }),
});

function readCommunities(f: Fields, key: string): string[] {
  return f.strings(key).filter((text, i) => {
    const isFine = parseCommunity(text) !== undefined || parseLargeCommunity(text) !== undefined;
    if (!isFine) f.wrong(`${key}[${i}]`, text, COMMUNITY);
    return isFine;
  });
}

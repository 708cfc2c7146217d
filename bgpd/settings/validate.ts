/** Validates the sections of a SpeakerConfig as they come from outside: what is bad is told, what is good applies. */
import { SECTION_NAMES, type OriginatedRoute, type OriginateSection, type SpeakerConfig } from '../../config/messages/speaker-config.ts';
import type { Problem } from '../../lib/errors.ts';
import { familyOf } from '../../lib/ip/prefix.ts';
import { prefix, showPrefix } from '../../lib/ip/text.ts';
import { Fields, goodOnes, MAXIMUM_U32 } from './fields.ts';
import { readFilters } from './filters.ts';
import { readGlobal } from './global.ts';
import { readPeers } from './peers.ts';

export interface Validated {
  /**
   * Sections that may be applied, without the peers, filters and routes that are bad. A bad `global` is not here, nor a
   * section that has no list at all: what is in force stays rather than that everything goes.
   */
  readonly sections: Partial<SpeakerConfig>;
  readonly problems: readonly Problem[];
}

/** `sections`: section name → value, of which nothing is known. */
export function validateSections(sections: Readonly<Record<string, unknown>>): Validated {
  const problems: Problem[] = [];
  const good: { -readonly [S in keyof SpeakerConfig]?: SpeakerConfig[S] } = {};
  for (const name of Object.keys(sections)) {
    if (!SECTION_NAMES.some((known) => known === name)) {
      problems.push({ path: name, message: `no such section: expected one of ${SECTION_NAMES.join(', ')}` });
    }
  }
  if (sections['global'] !== undefined) {
    const own: Problem[] = [];
    const global = readGlobal(sections['global'], own);
    if (own.length === 0) good.global = global;
    problems.push(...own);
  }
  if (hasList(sections, 'peers', 'peers', problems)) good.peers = readPeers(sections['peers'], problems);
  if (hasList(sections, 'filters', 'filters', problems)) good.filters = readFilters(sections['filters'], problems);
  if (hasList(sections, 'originate', 'routes', problems)) good.originate = readOriginate(sections['originate'], problems);
  return { sections: good, problems };
}

/** True when the section is there and can be read at all; a problem is left when it cannot. */
function hasList(sections: Readonly<Record<string, unknown>>, name: string, key: string, problems: Problem[]): boolean {
  const value = sections[name];
  if (value === undefined) return false;
  const before = problems.length;
  new Fields(value, name, problems).list(key);
  return problems.length === before;
}

function readOriginate(value: unknown, problems: Problem[]): OriginateSection {
  const f = new Fields(value, 'originate', problems);
  const routes = onceEach(f.list('routes'), 'originate', problems, (r, text): OriginatedRoute => ({
    prefix: text, blackhole: r.boolean('blackhole'),
    ...(r.has('localPref') && { localPref: r.integer('localPref', 0, MAXIMUM_U32) }),
  }));
  if (!f.has('statics')) return { routes };
  const statics = onceEach(f.list('statics'), 'originate.statics', problems, (r, text): StaticRoute =>
    ({ prefix: text, via: r.address('via', familyOf(prefix(text))) }));
  return { routes, statics };
}

type StaticRoute = NonNullable<OriginateSection['statics']>[number];

/** Items with a prefix, each prefix once. */
function onceEach<T>(items: readonly unknown[], path: string, problems: Problem[], read: (f: Fields, text: string) => T): T[] {
  const seen = new Set<string>();
  return goodOnes(items, problems, (item, i, own) => {
    const f = new Fields(item, `${path}[${i}]`, own);
    const text = showPrefix(prefix(f.prefix('prefix')));
    if (seen.has(text)) f.wrong('prefix', text, 'each prefix once');
    seen.add(text);
    return read(f, text);
  });
}

/** Every field of a SpeakerConfig with every kind of wrong value, over the control socket: told clearly, and nothing else is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Control } from '../../../bgpd/control.ts';
import type { BgpdMethods } from '../../../config/messages/bgpd-control.ts';
import { SECTION_NAMES, type SectionName } from '../../../config/messages/speaker-config.ts';
import { connect, serve } from '../../../sys/rpc.ts';
import { RICH_CONFIG } from '../../fuzz/configuration.ts';
import { SpeakerBench } from '../../support/speaker-bench.ts';

const directory = mkdtempSync(join(tmpdir(), 'bad-configuration-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

type Path = readonly (string | number)[];
/** Wrong wherever a field is not free text. */
const WRONG: readonly unknown[] = [-1, 1.5, 2 ** 53, 'no such thing', true, [], {}, [7], { x: 1 }];

function* placesIn(value: unknown, at: Path = []): Generator<Path> {
  if (at.length > 0) yield at;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesIn(inner, [...at, Array.isArray(value) ? Number(key) : key]);
}

function withValue(value: unknown, [first, ...rest]: Path, wrong: unknown): unknown {
  if (first === undefined) return wrong;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[first] = withValue(copy[first], rest, wrong);
  return copy;
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value);
const at = (value: unknown, path: Path): unknown => path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);

test.each(SECTION_NAMES)('wrong values in section %s', async (section: SectionName) => {
  const bench = new SpeakerBench();
  const control = new Control({ speaker: bench.speaker, save: () => undefined, stop: () => undefined });
  expect(await control.applySections({ ...RICH_CONFIG })).toEqual([]);
  const socket = join(directory, `${section}.sock`);
  await using _server = await serve<BgpdMethods>(socket, control.handlers);
  using client = await connect<BgpdMethods>(socket);
  const apply = async (value: unknown) => await client.call('apply', { version: 1, sender: 's', sections: { [section]: { revision: 1, value } } });
  let tried = 0;
  for (const path of placesIn(RICH_CONFIG[section])) {
    const good = at(RICH_CONFIG[section], path);
    for (const wrong of WRONG.filter((value) => typeOf(value) !== typeOf(good))) {
      const { problems } = await apply(withValue(RICH_CONFIG[section], path, wrong));
      const where = path.join('.');
      tried++;
      if (problems.length === 0) throw new Error(`${section}.${where} = ${JSON.stringify(wrong)} is taken without a word`);
      for (const { path: named, message } of problems) {
        expect({ where, wrong, message }).toEqual({ where, wrong, message: expect.stringMatching(/expected|already|there is no|is needed/) as unknown });
        expect(named.split(/[/.[]/)[0]).toBe(section);
      }
      const field = path.findLast((key) => typeof key === 'string')!;
      const names = problems.map((p) => p.path).join(' ');
      if (!names.includes(field) && !['peers', 'filters', 'routes', 'rules', 'statics', 'dynamic', 'unnumbered', 'stations', 'prefixes', 'notPrefixes', 'name'].includes(field)) throw new Error(`${section}.${where} = ${JSON.stringify(wrong)} is told of as ${names}`);
      const { config } = bench.speaker;
      expect(SECTION_NAMES.filter((name) => config[name] === undefined)).toEqual([]);
      if (section === 'peers' && path[0] === 'peers' && path.length > 1) expect(config.peers!.peers).toHaveLength(RICH_CONFIG.peers.peers.length - 1);
      if (section === 'global') expect(config.global).toEqual(RICH_CONFIG.global);
    }
  }
  expect((await apply(RICH_CONFIG[section])).problems).toEqual([]);
  expect(bench.speaker.config[section]).toEqual(RICH_CONFIG[section]);
  expect(tried).toBeGreaterThan(20);
}, 60_000);

/**
 * Every folder in `replay/` is a record of a real speaker (`bgpd --record`): `description.txt`, the configuration it began
 * with, what came from outside, and what it did. Replayed with a virtual clock it must do the same.
 * `UPDATE_GOLDEN=1` rewrites what is done: review the difference. `test/interop/recording.test.ts` makes records.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { inLanes, linesOf, replay, type Effect } from '../support/replay.ts';

const FOLDER = new URL('./replay/', import.meta.url);
const read = (name: string, file: string): string => readFileSync(new URL(`${name}/${file}`, FOLDER), 'utf8');
const names = readdirSync(FOLDER);

test.each(names)('%s is replayed to the same effects', async (name) => {
  const done = await replay({ config: JSON.parse(read(name, 'config.json')) as SpeakerConfig, events: linesOf(read(name, 'events.jsonl')) });
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(new URL(`${name}/effects.jsonl`, FOLDER), done.map((effect) => `${JSON.stringify(effect)}\n`).join(''));
  expect(inLanes(done)).toEqual(inLanes(linesOf(read(name, 'effects.jsonl')) as unknown as Effect[]));
});

test.each(names)('%s holds no password', (name) => {
  for (const file of ['config.json', 'events.jsonl', 'effects.jsonl']) {
    const text = read(name, file);
    expect([...text.matchAll(/"password":"([^"]*)"/g)].map((m) => m[1]).filter((word) => word !== '(left out)')).toEqual([]);
    expect(text).not.toContain('c2VjcmV0');
  }
});

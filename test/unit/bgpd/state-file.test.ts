import { expect, test } from '@jest/globals';
import { mkdtemp, rm, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StateFile } from '../../../bgpd/state-file.ts';
import type { Log } from '../../../lib/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Rig extends AsyncDisposable { readonly folder: string; readonly clock: FakeClock; readonly lines: string[]; readonly file: (path: string) => StateFile }

async function rig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'tortie-state-'));
  const clock = new FakeClock();
  const lines: string[] = [];
  const note = (event: string, fields?: object): void => { lines.push(`${event} ${JSON.stringify(fields)}`); };
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
  return {
    folder, clock, lines, file: (path) => new StateFile({ path, bootId: 'boot', log, clock }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

test('what could not be written is written once it can be', async () => {
  await using r = await rig();
  const place = join(r.folder, 'in-the-way');
  await writeFile(place, 'a file where a folder should be');
  const file = r.file(join(place, 'bgpd.state'));
  file.save({ filters: { filters: [] } });
  await file.saved();
  expect(r.lines).toEqual([expect.stringContaining('state.unwritten')]);
  await rm(place);
  r.clock.advance(10_000);
  await file.saved();
  expect(JSON.parse(await readFile(join(place, 'bgpd.state'), 'utf8'))).toMatchObject({ sections: { filters: { filters: [] } } });
  expect(r.clock.timers).toBe(0);
});

test('a file that is damaged beside a password does not bring it into the log', async () => {
  await using r = await rig();
  const path = join(r.folder, 'bgpd.state');
  await writeFile(path, `{"format":1,"bootId":"boot","sections":{"peers":{"peers":[{"name":"tor","password":hush-hush"}]}}}`);
  expect(await r.file(path).load()).toBeUndefined();
  expect(r.lines).toEqual([expect.stringMatching(/^state\.unreadable .*Unexpected token 'h' near position \d+: expected JSON/)]);
  expect(r.lines.join()).not.toContain('hush');
});

/** What a record keeps to itself. */
import { expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Recorder, recordTo } from '../../../bgpd/recorder.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { peerConfig, speakerConfig } from '../../support/speaker-config.ts';

test('passwords do not stand in a record, wherever they stand in the configuration', () => {
  const lines: string[] = [];
  const recorder = new Recorder(new FakeClock(), (line) => { lines.push(line); });
  const { name: _name, address: _address, ...template } = peerConfig('192.0.2.1', { password: 'hush' });
  const config = speakerConfig({ peers: [peerConfig('192.0.2.1', { password: 'hush' })] });
  recorder.configured({
    ...config,
    peers: { ...config.peers, dynamic: [{ name: 'd', prefix: '10.0.0.0/8', maximumPeers: 1, template }], unnumbered: [{ name: 'u', interface: 'eth0', template }] },
  });
  const [line = ''] = lines;
  expect([line.includes('hush'), line.match(/"password":"\(left out\)"/g)?.length]).toEqual([false, 3]);
});

test('the record of a speaker that crashed outlives its next start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tortie-record-'));
  try {
    const path = join(folder, 'record');
    await writeFile(path, 'how it came to the crash');
    recordTo(path, new FakeClock(), (error) => { throw error; }).configured({});
    await eventually(5_000, async () => { expect(await readFile(path, 'utf8')).toContain('config'); });
    expect(await readFile(`${path}.before`, 'utf8')).toBe('how it came to the crash');
  } finally {
    await rm(folder, { recursive: true });
  }
});

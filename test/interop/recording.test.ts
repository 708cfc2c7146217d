/** What `bgpd --record` writes of a life with BIRD, replayed at once: the same messages, the same kernel routes. `RECORD_GOLDEN=1` keeps the records. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Bgpd } from '../support/bgpd.ts';
import { eventually, Namespaces, sh, type Netns } from '../support/namespaces.ts';
import { inLanes, linesOf, partsOf, replay } from '../support/replay.ts';
import { peerConfig, speakerConfig } from '../support/speaker-config.ts';

/** A word that must not be in a record. */
const PASSWORD = 'c2VjcmV0';

function startBird(ns: Netns, more = ''): { readonly birdc: (...words: string[]) => string; kill(signal: NodeJS.Signals): void } {
  const [conf, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
  writeFileSync(conf, `
log stderr all;
router id 10.0.0.2;
protocol device {}
protocol static s4 { ipv4; route 10.2.0.0/16 blackhole; route 10.3.0.0/24 blackhole; }
protocol bgp node { local 10.0.0.2 as 65001; neighbor 10.0.0.1 as 64512; password "${PASSWORD}"; graceful restart on;
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
`);
  const process = ns.spawn('bird', ['-f', '-c', conf, '-s', control, ...(more === '' ? [] : [more])]);
  return { birdc: (...words) => sh('birdc', '-s', control, ...words), kill: (signal) => { process.child.kill(signal); } };
}

async function recorded(name: string, description: string, life: (bgpd: Bgpd, ns: { us: Netns; bird: Netns }) => Promise<void>): Promise<void> {
  await using net = await Namespaces.create('recording');
  const [us, bird] = [net.add('us'), net.add('bird')];
  net.link(us, bird, { names: ['eth0', 'eth0'], addresses: [['10.0.0.1/24'], ['10.0.0.2/24']] });
  const file = join(us.directory, 'record.jsonl');
  const bgpd = await Bgpd.start(us, speakerConfig({
    global: { routerId: '10.0.0.1' }, originate: ['10.1.0.0/26'],
    peers: [peerConfig('10.0.0.2', { asn: 65001, password: PASSWORD, holdTimeSeconds: 9 })],
  }), '--record', file);
  await life(bgpd, { us, bird });
  await bgpd.client.call('stop', { mode: 'restart' });
  await bgpd.process.ended;
  const text = readFileSync(file, 'utf8');
  expect(text).not.toContain(PASSWORD);
  const { config, events, effects } = partsOf(linesOf(text));
  if (process.env['RECORD_GOLDEN'] === '1') keep(name, description, { config, events, effects });
  const kinds = new Set(events.map((line) => line.event ?? line.answer?.split(' ')[0]));
  expect([...kinds]).toEqual(expect.arrayContaining(['data', 'turn', 'timer', 'written', 'resolve']));
  expect(withoutEnd(inLanes(await replay({ config, events })))).toEqual(withoutEnd(inLanes(effects)));
}

/** The end of the process itself is no event. */
const withoutEnd = (lanes: Record<string, unknown[]>): unknown =>
  Object.fromEntries(Object.entries(lanes).map(([lane, effects]) => [lane, effects.filter((e) => (e as { ends?: string }).ends !== 'destroy')]));

function keep(name: string, description: string, parts: ReturnType<typeof partsOf>): void {
  const folder = join(import.meta.dirname, '../golden/replay', name);
  const jsonl = (lines: readonly unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'description.txt'), `${description}\n`);
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(parts.config, null, 2)}\n`);
  writeFileSync(join(folder, 'events.jsonl'), jsonl(parts.events));
  writeFileSync(join(folder, 'effects.jsonl'), jsonl(parts.effects.filter((e) => !('ends' in e && e.ends === 'destroy'))));
}

test('a session comes up, routes come and go', async () => {
  await recorded('bird-withdraws', 'BIRD 2 with a password: the session comes up, both sides announce, BIRD withdraws its routes.', async (bgpd, { us, bird }) => {
    const { birdc } = startBird(bird);
    await eventually(20_000, () => { expect(us.routes(4, 'proto', '84').map((r) => r.dst)).toContain('10.2.0.0/16'); });
    birdc('disable', 's4');
    await eventually(10_000, async () => { expect((await bgpd.status()).peers[0]?.received).toBe(0); });
    await eventually(10_000, () => { expect(us.routes(4, 'proto', '84').map((r) => r.dst)).toEqual(['10.1.0.0/26']); });
  });
}, 120_000);

test('the peer restarts gracefully', async () => {
  await recorded('bird-restarts', 'BIRD 2 is killed and comes back: its routes stay as stale ones, and are refreshed.', async (bgpd, { us, bird }) => {
    const first = startBird(bird);
    await eventually(20_000, () => { expect(us.routes(4, 'proto', '84').map((r) => r.dst)).toContain('10.2.0.0/16'); });
    first.kill('SIGKILL');
    await eventually(10_000, async () => { expect((await bgpd.status()).peers[0]?.stale).toBe(2); });
    startBird(bird, '-R');
    await eventually(30_000, async () => {
      const [peer] = (await bgpd.status()).peers;
      expect([peer?.state, peer?.stale, peer?.endOfRib]).toEqual(['Established', 0, ['ipv4']]);
    });
  });
}, 120_000);

/** What peers may do too much of, against a real bgpd: memory and time stay bounded, and a well-behaved peer does not notice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { namespaces, root } from '../support/capabilities.ts';
import { eventually, Namespaces, type Netns, type Process } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const CLIENT = join(import.meta.dirname, '../support/hostile-client.ts');
const ASN = 65003;
const GOOD_PREFIXES = 20_000;
/** Generous: the machine may be busy with something else. The hold time is nine seconds. */
const LONGEST_GAP_MS = 8_000;
const MORE_MIB = 340;

interface Flood {
  readonly what: string;
  readonly count?: number;
  /** How long it goes on, or until it has poured everything out. */
  readonly seconds: number;
  readonly config?: object;
  /** What is to be seen while it goes on. */
  readonly then?: (w: World) => Promise<void>;
}

const up = async ({ ours, name }: World): Promise<void> => {
  await eventually(10_000, async () => { expect((await ours.peer(name)).state).toBe('Established'); });
};

const FLOODS: readonly Flood[] = [
  { what: 'stops-reading', seconds: 4, then: up },
  { what: 'dribbles', seconds: 4 },
  { what: 'opens-many', count: 1_000, seconds: 4 },
  { what: 'flaps', seconds: 5 },
  { what: 'long-path', seconds: 3, then: async (w) => {
    await up(w);
    await eventually(5_000, async () => { expect((await w.ours.routes({ prefix: '203.0.113.0/24' })).routes[0]?.paths[0]?.asPath.split(' ')).toHaveLength(4_000); });
  } },
  { what: 'many-paths', count: 100_000, seconds: 6, config: { addPath: { send: false, receive: true } }, then: async (w) => {
    await eventually(10_000, async () => { expect((await w.ours.peer(w.name)).received).toBeGreaterThan(0); });
    expect((await w.ours.peer(w.name)).received).toBeLessThan(1_000);
  } },
  { what: 'asks-again', seconds: 6, then: up },
  { what: 'begins-again', seconds: 6, then: up },
  { what: 'too-long', seconds: 2, then: async ({ ours, name }) => { await eventually(5_000, async () => { expect((await ours.peer(name)).lastError).toMatch(/[Bb]ad message length/); }); } },
  { what: 'many-communities', count: 3_000, seconds: 8, then: up },
  { what: 'many-addresses', seconds: 6 },
  { what: 'advertises', seconds: 4 },
];

interface World { readonly ours: OurSpeaker; readonly them: Netns; readonly name: string }

const residentMib = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
/** The process itself: what was spawned is `nsenter`, which becomes it. */
const pidOf = (ours: OurSpeaker): number => ours.process.pid;
const addressOf = (index: number): string => `10.9.0.${100 + index}`;
const client = (them: Netns, ...args: string[]): Process => them.spawn(process.execPath, ['--disable-warning=ExperimentalWarning', CLIENT, ...args], { NODE_OPTIONS: '' });

function gapsOf(good: Process): number[] {
  return good.lines.splice(0).flatMap((line) => (line.startsWith('gap ') ? [Number(line.slice(4))] : []));
}

test('floods of all kinds: bounded memory, keepalives on time, others undisturbed', async () => {
  await using net = await Namespaces.create('hostile floods');
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { addresses: [['10.9.0.1/24'], ['10.9.0.2/24']] });
  us.ip('route', 'add', '10.7.0.0/16', 'via', '10.9.0.2');
  them.ip('route', 'add', 'local', '10.7.0.0/16', 'dev', 'lo');
  for (let i = 0; i < FLOODS.length; i++) them.address('to-us', `${addressOf(i)}/24`);
  const peer = (name: string, address: string, more = {}) => ({ name, address, asn: ASN, families: ['ipv4'] as const, passive: true, holdTimeSeconds: 9, ...more });
  const config = speakerConfig({ asn: 64512, routerId: '10.9.0.1', peers: [peer('good', '10.9.0.2'), ...FLOODS.map(({ what, config: more }, i) => peer(what, addressOf(i), more))] });
  const { name: _name, address: _address, ...template } = config.peers.peers[0]!;
  const ours = await OurSpeaker.start(us, {
    ...config, global: { ...config.global, logLevel: 'warn' },
    peers: { ...config.peers, dynamic: [{ name: 'range', prefix: '10.7.0.0/16', maximumPeers: 100, template }], unnumbered: [{ name: 'link', interface: 'to-them', template }] },
  });
  const good = client(them, 'good', '10.9.0.2', String(GOOD_PREFIXES));
  await eventually(30_000, async () => { expect((await ours.peer('good')).received).toBe(GOOD_PREFIXES); });
  const before = (await ours.peer('good')).sinceMs;

  for (const [i, flood] of FLOODS.entries()) {
    gapsOf(good);
    const startMib = residentMib(pidOf(ours));
    const hostile = client(them, flood.what, addressOf(i), String(flood.count ?? 0));
    let [most, slowest] = [0, 0];
    const end = performance.now() + flood.seconds * 1_000;
    const watch = async (): Promise<void> => {
      while (performance.now() < end) {
        const asked = performance.now();
        await ours.status();
        slowest = Math.max(slowest, performance.now() - asked);
        most = Math.max(most, residentMib(pidOf(ours)));
        await new Promise((resolve) => { setTimeout(resolve, 100); });
      }
    };
    await Promise.all([watch(), flood.then?.({ ours, them, name: flood.what })]);
    await hostile.kill();
    const gap = Math.max(...gapsOf(good));
    process.stdout.write(`${flood.what.padEnd(18)} longest gap ${String(gap).padStart(5)} ms, slowest answer ${slowest.toFixed(0).padStart(5)} ms, `
      + `resident ${startMib.toFixed(0)} MiB, at most ${most.toFixed(0)} MiB\n`);
    expect({ what: flood.what, gap: gap < LONGEST_GAP_MS, memory: most - startMib < MORE_MIB }).toEqual({ what: flood.what, gap: true, memory: true });
    expect(await ours.peer('good')).toMatchObject({ state: 'Established', sinceMs: before, received: GOOD_PREFIXES });
  }
  expect(ours.process.running).toBe(true);
}, 240_000);

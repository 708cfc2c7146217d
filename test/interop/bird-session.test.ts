/** Our sessions against BIRD 2: coming up whoever dials, what each side says when it ends, and coming back. */
import { expect } from '@jest/globals';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import type { PeerSessionStatus } from '../../bgpd/peer.ts';
import type { GlobalSection, PeerConfig } from '../../config/messages/speaker-config.ts';
import { namespaces, pathOf, program, root } from '../support/capabilities.ts';
import { eventually, Namespaces, type Netns, type Process } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const interop = skipUnless(root, namespaces, program('bird'), program('birdc'));
const PEER = join(import.meta.dirname, '../support/peer-process.ts');

const global: GlobalSection = {
  asn: 65001, routerId: '10.0.0.1', listen: { port: 179, addresses: [] },
  gracefulRestart: { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 },
  kernel: { table: 254, metric: 1024, install: false, maximumPaths: 1 },
};
const config: PeerConfig = {
  name: 'bird', origin: 'static', address: '10.0.0.2', port: 179, asn: 65002, passive: false, families: ['ipv4', 'ipv6'],
  holdTimeSeconds: 90, connectRetrySeconds: 5, gracefulRestart: true, nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: [],
};

interface BirdOptions { readonly asn?: number; readonly neighborAsn?: number; readonly passive?: boolean; readonly hold?: number; readonly routerId?: string; readonly families?: string }

const birdConfig = (o: BirdOptions): string => `
log stderr all;
router id ${o.routerId ?? '10.0.0.2'};
graceful restart wait 10;
protocol device { scan time 60; }
protocol static { ipv4; route 192.0.2.0/24 blackhole; }
protocol bgp tortie {
  local 10.0.0.2 as ${o.asn ?? 65002};
  neighbor 10.0.0.1 as ${o.neighborAsn ?? 65001};
  hold time ${o.hold ?? 90};
  connect delay time 1; connect retry time 2; error wait time 1, 2;
  ${o.passive === true ? 'passive;' : ''}
  graceful restart;
  ${o.families ?? 'ipv4 { import all; export all; }; ipv6 { import all; export all; };'}
}
`;

/** A namespace with BIRD and one with a peer of ours, joined by a wire. */
class Pairing {
  readonly #bird: Netns;
  readonly #peer: Netns;
  bird!: Process;
  ours!: Process;

  constructor(net: Namespaces) {
    this.#bird = net.add('bird');
    this.#peer = net.add('peer');
    net.link(this.#peer, this.#bird, { addresses: [['10.0.0.1/24'], ['10.0.0.2/24']] });
  }

  startBird(options: BirdOptions = {}, ...flags: string[]): void {
    const file = join(this.#bird.directory, 'bird.conf');
    writeFileSync(file, birdConfig(options));
    this.bird = this.#bird.spawn(pathOf('bird')!, ['-f', '-c', file, '-s', this.#socket, ...flags]);
  }

  startPeer(change: Partial<PeerConfig> = {}, globalChange: Partial<GlobalSection> = {}): void {
    const argument = JSON.stringify({ global: { ...global, ...globalChange }, peer: { ...config, ...change } });
    this.ours = this.#peer.spawn(process.execPath, [PEER, argument]);
  }

  birdc(...command: string[]): string { return this.#bird.exec(pathOf('birdc')!, '-s', this.#socket, ...command); }
  tell(command: unknown): void { this.ours.child.stdin!.write(`${JSON.stringify(command)}\n`); }

  /** What our peer called back so far, newest last. */
  events<T>(name: string): T[] {
    return this.ours.lines.filter((line) => line.startsWith(`{"${name}"`)).map((line) => (JSON.parse(line) as Record<string, T>)[name]!);
  }

  async status(): Promise<PeerSessionStatus> {
    const before = this.events('status').length;
    this.tell('status');
    return eventually(5_000, () => {
      const all = this.events<PeerSessionStatus>('status');
      expect(all.length).toBeGreaterThan(before);
      return all.at(-1)!;
    });
  }

  async bothUp(count = 1): Promise<void> {
    await eventually(15_000, () => {
      expect([this.ours.output, this.events('up').length]).toEqual([expect.anything(), count]);
      expect(this.birdc('show', 'protocols', 'tortie')).toMatch(/Established/);
    });
  }

  get #socket(): string { return join(this.#bird.directory, 'bird.ctl'); }
}

async function pairing(body: (p: Pairing) => Promise<void>): Promise<void> {
  await using net = await Namespaces.create('session');
  await body(new Pairing(net));
}

interface Up { families: string[]; holdTimeSeconds: number; external: boolean; gracefulRestart?: { restarted: boolean; families: object[] }; wire: object; local: string; remote: string }

interop('both sides dial: one session comes up with everything negotiated, and BIRD sends its route and End-of-RIB', () => pairing(async (p) => {
  p.startBird({ hold: 30 });
  p.startPeer();
  await p.bothUp();
  expect(p.events<Up>('up')[0]).toMatchObject({
    families: ['ipv4', 'ipv6'], holdTimeSeconds: 30, external: true, wire: { fourOctetAs: true, external: true }, local: '10.0.0.1', remote: '10.0.0.2',
    gracefulRestart: { restarted: false, families: [{ family: 'ipv4' }, { family: 'ipv6' }] },
  });
  await eventually(5_000, () => {
    expect(p.events('update')).toEqual(expect.arrayContaining([
      { announced: 1, outcome: 'ok' }, { endOfRib: 'ipv4', announced: 0, outcome: 'ok' }, { endOfRib: 'ipv6', announced: 0, outcome: 'ok' },
    ]));
  });
  const seen = p.birdc('show', 'protocols', 'all', 'tortie');
  expect(seen).toMatch(/Neighbor capabilities[\s\S]*Multiprotocol\s+AF announced: ipv4 ipv6[\s\S]*Route refresh[\s\S]*Restart time: 120\s+AF supported: ipv4 ipv6\s+AF preserved: ipv4 ipv6[\s\S]*4-octet AS numbers/);
}));

interop('it comes up when only we dial, and when only BIRD dials', () => pairing(async (p) => {
  p.startBird({ passive: true });
  p.startPeer();
  await p.bothUp();
  p.tell('close');
  await p.ours.ended;
  await p.bird.stop();
  p.startBird();
  p.startPeer({ passive: true });
  await p.bothUp();
}));

interop('whichever identifier is greater, restarts on either side end in one session', () => pairing(async (p) => {
  for (const routerId of ['10.0.0.0', '10.0.0.9']) {
    p.startBird({ routerId });
    p.startPeer();
    await p.bothUp();
    p.birdc('restart', 'tortie');
    await p.bothUp(2);
    p.tell({ stop: 'reset' });
    p.tell('start');
    await p.bothUp(3);
    p.tell('close');
    await p.ours.ended;
    await p.bird.stop();
  }
}));

interop('a frozen BIRD is given up after the hold time, told so, and taken back', () => pairing(async (p) => {
  p.startBird({ hold: 3 });
  p.startPeer();
  await p.bothUp();
  p.bird.signal('SIGSTOP');
  await eventually(10_000, () => { expect(p.events('down')).toMatchObject([{ kind: 'hold-timer', text: 'Hold timer expired' }]); });
  p.bird.signal('SIGCONT');
  await eventually(10_000, () => { expect(p.bird.output).toMatch(/Received: Hold timer expired/); });
  await p.bothUp(2);
}));

interop.each<[string, Partial<PeerConfig>, BirdOptions, Partial<GlobalSection>, RegExp, RegExp]>([
  ['BIRD has another AS than we expect', { asn: 65099 }, {}, {}, /Received: Bad peer AS/, /^sent: OPEN message error: bad peer AS \(peer says AS 65002: expected 65099\)$/],
  ['we have another AS than BIRD expects', {}, { neighborAsn: 65098 }, {}, /Error: Bad peer AS/, /^received: OPEN message error: bad peer AS$/],
  ['BIRD has our BGP identifier in our AS', { asn: 65001 }, { asn: 65001, routerId: '10.0.0.1' }, {}, /Bad BGP identifier/i, /bad BGP identifier/],
  ['no family is common', { families: ['ipv6'] }, { families: 'ipv4 { import all; export all; };' }, {}, /Required capability missing|Received: (Unsupported|Required) capability/i, /unsupported capability/],
])('%s: both sides say so', (_name, change, birdOptions, globalChange, birdSays, weSay) => pairing(async (p) => {
  p.startBird(birdOptions);
  p.startPeer(change, globalChange);
  await eventually(15_000, async () => {
    expect((await p.status()).lastError).toMatch(weSay);
    expect(p.bird.output).toMatch(birdSays);
  });
  expect(p.events('up')).toEqual([]);
}));

interop.each([['shutdown', 'Administrative shutdown'], ['deconfigured', 'Peer de-configured'], ['configuration-changed', 'Other configuration change']])(
  'we stop (%s): BIRD receives the Cease', (reason, words) => pairing(async (p) => {
    p.startBird();
    p.startPeer();
    await p.bothUp();
    p.tell({ stop: reason });
    await eventually(5_000, () => {
      expect(p.bird.output).toMatch(new RegExp(`Received: ${words}`, 'i'));
      expect(p.events('down')).toMatchObject([{ kind: 'administrative' }]);
    });
  }));

interop('BIRD is disabled: its Cease is reported in words', () => pairing(async (p) => {
  p.startBird();
  p.startPeer();
  await p.bothUp();
  p.birdc('disable', 'tortie', '"maintenance"');
  await eventually(5_000, async () => {
    expect(p.events('down')).toMatchObject([{ kind: 'notified' }]);
    expect((await p.status()).lastError).toBe('received: Cease: administrative shutdown ("maintenance")');
  });
  p.birdc('enable', 'tortie');
  await p.bothUp(2);
}));

interop('BIRD is killed: a plain close, which graceful restart takes for a restart; the new one says that it restarted', () => pairing(async (p) => {
  p.startBird();
  p.startPeer();
  await p.bothUp();
  await p.bird.kill();
  await eventually(5_000, () => { expect(p.events('down')).toMatchObject([{ kind: 'closed' }]); });
  p.startBird({}, '-R');
  await p.bothUp(2);
  expect(p.events<Up>('up')[1]!.gracefulRestart?.restarted).toBe(true);
}));

interop('we close without NOTIFICATION: BIRD waits for us as for a restarting speaker', () => pairing(async (p) => {
  p.startBird();
  p.startPeer();
  await p.bothUp();
  p.tell('close');
  await eventually(5_000, () => { expect(p.birdc('show', 'protocols', 'all', 'tortie')).toMatch(/Neighbor graceful restart active/); });
  p.startPeer();
  await p.bothUp();
}));

/** What our speaker must do with any other: the same tests against each daemon. */
import { expect } from '@jest/globals';
import type { SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { FAMILIES } from '../../lib/ip/prefix.ts';
import { namespaces, root } from './capabilities.ts';
import { OURS, RESTART_TIME_SECONDS, THEIRS, type ForeignDaemon, type ForeignSettings, type ForeignSpeaker } from './foreign-speaker.ts';
import { Namespaces, eventually, type Netns, type RouteMonitor } from './namespaces.ts';
import { OurSpeaker, speakerConfig, type SpeakerSettings } from './our-speaker.ts';
import { skipUnless } from './skip.ts';

/** A test may wait for a restart timer. */
export const INTEROP_MS = 120_000;
export const UP_MS = 30_000;
export const OUR_ASN = 64512;
export const THEIR_ASN = 65001;
export const OUR_BLOCKS = ['10.244.1.0/26', 'fd00:244:0:1::/122'];
export const THEIR_ROUTES = ['10.20.0.0/24', '10.20.1.0/24', 'fd20::/64', 'fd20:0:0:1::/64'];

export interface Pair extends AsyncDisposable {
  readonly us: Netns;
  readonly them: Netns;
  readonly ours: OurSpeaker;
  foreign: ForeignSpeaker;
  readonly config: SpeakerConfig;
}

export interface PairOptions {
  readonly ours?: Partial<SpeakerSettings>;
  readonly theirs?: Partial<ForeignSettings>;
}

export const theirSettings = (more: Partial<ForeignSettings> = {}): ForeignSettings =>
  ({ asn: THEIR_ASN, ourAsn: OUR_ASN, routes: THEIR_ROUTES, ...more });

export function ourConfig(more: Partial<SpeakerSettings> = {}): SpeakerConfig {
  return speakerConfig({
    asn: OUR_ASN, routerId: OURS.ipv4, originate: OUR_BLOCKS,
    peers: [
      { name: 'v4', address: THEIRS.ipv4, asn: THEIR_ASN, families: ['ipv4'] },
      { name: 'v6', address: THEIRS.ipv6, asn: THEIR_ASN, families: ['ipv6'] },
    ],
    ...more,
  });
}

/** Two namespaces joined by a link, our speaker in one and theirs in the other. */
export async function pair(daemon: ForeignDaemon, options: PairOptions = {}): Promise<Pair> {
  const net = await Namespaces.create(`${daemon.name} interop`);
  try {
    const [us, them] = [net.add('us'), net.add('them')];
    net.link(us, them, { addresses: [[`${OURS.ipv4}/24`, `${OURS.ipv6}/64`], [`${THEIRS.ipv4}/24`, `${THEIRS.ipv6}/64`]] });
    const config = ourConfig(options.ours);
    const foreign = await daemon.start(them, theirSettings(options.theirs));
    const ours = await OurSpeaker.start(us, config);
    return { us, them, ours, foreign, config, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() };
  } catch (error) {
    await net[Symbol.asyncDispose]();
    throw error;
  }
}

/** Prefixes in a namespace's kernel that BGP put there, sorted. */
export const kernelPrefixes = (ns: Netns, protocol: string): string[] =>
  ([4, 6] as const).flatMap((family) => ns.routes(family, 'proto', protocol)).filter((r) => r.type !== 'blackhole').map((r) => r.dst).sort();

export async function weHave(p: Pair, prefixes: readonly string[], ms = UP_MS): Promise<void> {
  await eventually(ms, () => { expect(kernelPrefixes(p.us, '84')).toEqual([...prefixes].sort()); });
}

export async function theyHave(p: Pair, prefixes: readonly string[], ms = UP_MS): Promise<void> {
  await eventually(ms, () => { expect(FAMILIES.flatMap((f) => p.foreign.learned(f)).sort()).toEqual([...prefixes].sort()); });
}

/** Both sides say that both sessions are Established, and everything is where it belongs. */
export async function exchanged(p: Pair): Promise<void> {
  await p.ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, () => { expect(FAMILIES.map((f) => p.foreign.session(f))).toEqual(['Established', 'Established']); });
  await weHave(p, THEIR_ROUTES);
  await theyHave(p, OUR_BLOCKS);
}

/** Deletions and losses of what BGP learned, as `ip monitor route` printed them. */
export const deletedIn = (lines: readonly string[], prefixes: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith('Deleted') && prefixes.some((p) => line.includes(`${p} `)));

const nothingDeleted = async (monitor: RouteMonitor, prefixes: readonly string[]): Promise<void> => {
  expect(deletedIn(await monitor.read(), prefixes)).toEqual([]);
};

/** Registers the tests for one daemon. On failure both sides' logs are shown. */
export function interopTests(daemon: ForeignDaemon): (name: string, run: () => Promise<void>) => void {
  const test = skipUnless(root, namespaces, ...daemon.needs);
  const it = (name: string, options: PairOptions, run: (p: Pair) => Promise<void>): void => {
    test(`${daemon.name}: ${name}`, async () => {
      await using p = await pair(daemon, options);
      try {
        await run(p);
      } catch (error) {
        if (error instanceof Error) error.message += `\n\nour log:\n${tail(p.ours.log)}\n\ntheir log:\n${tail(p.foreign.output)}`;
        throw error;
      }
    }, INTEROP_MS);
  };

  it('sessions of both families, routes both ways into the kernel', {}, async (p) => {
    await exchanged(p);
    expect(p.us.routes(4, 'proto', '84').find((r) => r.dst === '10.20.0.0/24')).toMatchObject({ gateway: THEIRS.ipv4, metric: 1024 });
    expect(p.us.routes(6, 'proto', '84').find((r) => r.dst === 'fd20::/64')).toMatchObject({ gateway: expect.stringMatching(/^(fd09::2|fe80::)/) as unknown as string, metric: 1024 });
    expect(p.us.routes(4, 'proto', '84').find((r) => r.dst === OUR_BLOCKS[0])).toMatchObject({ type: 'blackhole' });
    if (!daemon.hasFib) return;
    await eventually(UP_MS, () => {
      expect(p.them.routes(4).find((r) => r.dst === OUR_BLOCKS[0])).toMatchObject({ gateway: OURS.ipv4 });
      expect(p.them.routes(6).find((r) => r.dst === OUR_BLOCKS[1])).toMatchObject({ gateway: expect.stringMatching(/^(fd09::1|fe80::)/) as unknown as string });
    });
  });

  it('iBGP exchanges routes as well', {
    ours: { peers: FAMILIES.map((f) => ({ name: f === 'ipv4' ? 'v4' : 'v6', address: THEIRS[f], asn: OUR_ASN, families: [f] })) },
    theirs: { asn: OUR_ASN },
  }, exchanged);

  it('a withdrawn route leaves the kernel of the other side, and comes back', {}, async (p) => {
    await exchanged(p);
    p.foreign.announce(THEIR_ROUTES.slice(1, 3));
    await weHave(p, THEIR_ROUTES.slice(1, 3));
    await p.ours.apply({ originate: { routes: [{ prefix: OUR_BLOCKS[0]!, blackhole: true }] } });
    await theyHave(p, [OUR_BLOCKS[0]!]);
    p.foreign.announce(THEIR_ROUTES);
    await p.ours.apply({ originate: p.config.originate });
    await exchanged(p);
  });

  it('the peer is killed and comes back: its routes stay in our kernel all the while', {}, async (p) => {
    await exchanged(p);
    const monitor = await p.us.monitorRoutes();
    await p.foreign.kill();
    await eventually(UP_MS, async () => { expect((await p.ours.peer('v4')).stale + (await p.ours.peer('v6')).stale).toBe(THEIR_ROUTES.length); });
    expect(kernelPrefixes(p.us, '84')).toEqual([...THEIR_ROUTES].sort());
    p.foreign = await daemon.start(p.them, theirSettings({ recovering: true }));
    await exchanged(p);
    await eventually(UP_MS, async () => { expect([(await p.ours.peer('v4')).stale, (await p.ours.peer('v6')).stale]).toEqual([0, 0]); });
    await nothingDeleted(monitor, THEIR_ROUTES);
  });

  it('the peer is killed and comes back with fewer routes: those it no longer announces go', {}, async (p) => {
    await exchanged(p);
    await p.foreign.kill();
    p.foreign = await daemon.start(p.them, theirSettings({ recovering: true, routes: THEIR_ROUTES.slice(1) }));
    await weHave(p, THEIR_ROUTES.slice(1), 60_000);
  });

  it('the peer is killed and does not come back: its routes go after its restart time', {}, async (p) => {
    await exchanged(p);
    await p.foreign.kill();
    const start = performance.now();
    await weHave(p, [], RESTART_TIME_SECONDS * 1_000 + 15_000);
    expect(performance.now() - start).toBeGreaterThan((RESTART_TIME_SECONDS - 5) * 1_000);
  });

  it('the peer falls silent: the hold timer ends the session, and its routes go', {}, async (p) => {
    await exchanged(p);
    p.foreign.signal('SIGSTOP');
    await weHave(p, [], 20_000);
    expect((await p.ours.peer('v4')).lastError).toMatch(/[Hh]old timer expired/);
    p.foreign.signal('SIGCONT');
    await exchanged(p);
  });

  it('our speaker is killed and comes back: neither kernel loses a route', {}, async (p) => {
    await exchanged(p);
    const monitors = await Promise.all([p.us.monitorRoutes(), p.them.monitorRoutes()]);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      p.ours.process.signal(signal);
      await p.ours.startAgain();
      await exchanged(p);
    }
    await nothingDeleted(monitors[0], [...THEIR_ROUTES, ...OUR_BLOCKS]);
    await nothingDeleted(monitors[1], OUR_BLOCKS);
  });

  it('an AS number that we do not expect is answered with Bad Peer AS', { theirs: { asn: 65099 } }, async (p) => {
    await eventually(UP_MS, async () => {
      for (const name of ['v4', 'v6']) expect((await p.ours.peer(name)).lastError).toMatch(/[Bb]ad peer AS/i);
    });
    expect((await p.ours.peer('v4')).state).not.toBe('Established');
    expect(kernelPrefixes(p.us, '84')).toEqual([]);
  });

  it('an AS number of ours that the peer does not expect: its NOTIFICATION is shown', { theirs: { ourAsn: 64999 } }, async (p) => {
    await eventually(UP_MS, async () => { expect((await p.ours.peer('v4')).lastError).toMatch(/[Bb]ad peer AS/i); });
    expect((await p.ours.peer('v4')).state).not.toBe('Established');
  });

  return (name, run) => { test(`${daemon.name}: ${name}`, run, INTEROP_MS); };
}

const tail = (text: string): string => text.split('\n').slice(-40).join('\n');

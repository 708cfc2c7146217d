import { expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '../../../agent/cluster.ts';
import { Drain } from '../../../agent/drain.ts';
import { openDrainRecord, type DrainRecord } from '../../../agent/drain-record.ts';
import { decodeKeptDrain, notDrained, stepDrain, type KeptDrain } from '../../../agent/drain/phases.ts';
import { startSpeakerFeed } from '../../../agent/speaker-feed.ts';
import type { ApplyRequest, ApplyResult, BgpdMethods } from '../../../config/messages/bgpd-control.ts';
import type { SpeakerConfig } from '../../../config/messages/speaker-config.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import { OperationError } from '../../../lib/errors.ts';
import { silentLog } from '../../../lib/log.ts';
import type { RpcClient } from '../../../sys/rpc.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const NODES = { plural: 'nodes' };
const DRAIN = { 'tortie.io/drain': '{"at":"1","waitSeconds":20,"message":"rack 7 moves"}' };

/** An agent's feed with its drain, and what bgpd has been told so far. */
class Rig implements AsyncDisposable {
  readonly kube: MemoryKube;
  readonly clock: FakeClock;
  readonly told: { -readonly [S in keyof SpeakerConfig]?: SpeakerConfig[S] } = {};
  kept: KeptDrain | undefined;
  isUp = true;
  drain!: Drain;
  #stack = new DisposableStack();

  constructor(kube = new MemoryKube(), clock = new FakeClock()) { this.kube = kube; this.clock = clock; }

  node(annotations: Readonly<Record<string, string>> = {}): this {
    for (const [name, address] of [['a', '10.0.0.1/24'], ['b', '10.0.0.2/24']] as const) {
      this.kube.put(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations: { 'projectcalico.org/IPv4Address': address, ...(name === 'a' ? annotations : {}) } } });
    }
    return this;
  }

  /** The agent starts, or starts again. */
  start(): this {
    this.#stack.dispose();
    const stack = this.#stack = new DisposableStack();
    const { kube, clock } = this;
    const record: DrainRecord = { kept: this.kept, keep: (kept) => { this.kept = kept; return Promise.resolve(); } };
    const cluster = stack.use(startCluster({ kube, log: silentLog, storage: storageFor('v3'), node: 'a' }));
    const drain = this.drain = stack.use(new Drain({ node: 'a', bootId: 'boot-1', clock, log: silentLog, record, changed: () => { feed.again(); } }));
    const feed = stack.use(startSpeakerFeed({
      cluster, node: 'a', connect: this.#connect, sender: 'x', clock, random: () => 0, log: silentLog,
      adjust: (node, config) => drain.adjust(node, config), applied: () => { drain.applied(); },
    }));
    return this;
  }

  readonly #connect = (): Promise<RpcClient<BgpdMethods>> => {
    if (!this.isUp) return Promise.reject(new OperationError('RPC_CONNECT', {}));
    const client = {
      closed: new Promise<void>(() => undefined), [Symbol.dispose]: () => undefined,
      call: (_method: string, { sections }: ApplyRequest): Promise<ApplyResult> => {
        for (const [name, section] of Object.entries(sections)) Object.assign(this.told, { [name]: section.value });
        return Promise.resolve({ problems: [], revisions: Object.fromEntries(Object.entries(sections).map(([name, s]) => [name, s.revision])) });
      },
    };
    return Promise.resolve(client as unknown as RpcClient<BgpdMethods>);
  };

  /** What neighbours notice: GRACEFUL_SHUTDOWN, and what each session is held down with. */
  get seen(): unknown { return [this.drain.status.phase, this.told.global?.gracefulShutdown ?? false, this.told.peers?.peers.map((p) => p.shutdown?.message)]; }
  becomes(...seen: unknown[]): Promise<void> { return eventually(5_000, () => { this.clock.advance(50); expect(this.seen).toEqual(seen); }); }

  [Symbol.asyncDispose](): Promise<void> { this.#stack.dispose(); return Promise.resolve(); }
}

test('a drained node says GRACEFUL_SHUTDOWN, waits, closes all sessions with the message, and comes back', async () => {
  await using r = new Rig().node().start();
  await r.becomes('none', false, [undefined]);
  r.node(DRAIN);
  await r.becomes('announcing', true, [undefined]);
  r.clock.advance(15_000);
  await r.becomes('announcing', true, [undefined]);
  expect(r.drain.status).toMatchObject({ message: 'rack 7 moves' });
  expect(r.drain.status.leftMs).toBeLessThanOrEqual(5_000);
  r.clock.advance(5_000);
  await r.becomes('drained', true, ['rack 7 moves']);
  expect(r.kept?.phase).toBe('drained');
  r.node({ 'tortie.io/drain': '{"at":"2","waitSeconds":20,"message":"again"}' });
  await r.becomes('drained', true, ['again']);
  r.node();
  await r.becomes('none', false, [undefined]);
  expect(r.kept).toBeUndefined();
});

test('an agent that starts again goes on where the one before it was: the time counts, and sessions that are down stay down', async () => {
  await using r = new Rig().node(DRAIN).start();
  await r.becomes('announcing', true, [undefined]);
  r.clock.advance(15_000);
  r.start();
  await r.becomes('announcing', true, [undefined]);
  r.clock.advance(5_000);
  await r.becomes('drained', true, ['rack 7 moves']);
  Object.assign(r.told, { global: undefined, peers: undefined });
  r.start();
  await eventually(5_000, () => { r.clock.advance(50); expect(r.told.peers).toBeDefined(); });
  expect(r.told.peers?.peers.map((p) => p.shutdown?.message)).toEqual(['rack 7 moves']);
  await r.becomes('drained', true, ['rack 7 moves']);
});

test('an undrain while the agent was away is seen when it starts', async () => {
  await using r = new Rig().node();
  r.kept = { phase: 'drained', sinceMs: 5 };
  r.start();
  await r.becomes('none', false, [undefined]);
  expect(r.kept).toBeUndefined();
});

test('the time runs anew from bgpd\'s answer, and runs out though bgpd never answers', async () => {
  await using r = new Rig().node(DRAIN);
  r.isUp = false;
  r.start();
  await eventually(5_000, () => { r.clock.advance(50); expect(r.drain.status.phase).toBe('announcing'); });
  r.clock.advance(10_000);
  r.isUp = true;
  await r.becomes('announcing', true, [undefined]);
  expect(r.drain.status.leftMs).toBeGreaterThan(15_000);
  await using mute = new Rig().node(DRAIN);
  mute.isUp = false;
  mute.start();
  await eventually(5_000, () => { mute.clock.advance(1_000); expect(mute.drain.status.phase).toBe('closing'); });
});

test('a Node that is deleted is drained with the configuration that it had; one that comes again takes part again', async () => {
  await using r = new Rig().node().start();
  await r.becomes('none', false, [undefined]);
  await r.kube.delete({ group: '', version: 'v1', plural: 'nodes', namespaced: false }, 'a', {});
  await r.becomes('announcing', true, [undefined]);
  r.clock.advance(30_000);
  await r.becomes('drained', true, ['node a was deleted']);
  r.node();
  await r.becomes('none', false, [undefined]);
});

test('a Node that was never there is not drained; one that was being drained when the agent ended is', async () => {
  await using r = new Rig();
  r.start();
  await eventually(5_000, () => { r.clock.advance(1_000); expect(r.drain.status.phase).toBe('none'); });
  expect(r.told).toEqual({});
  r.kept = { phase: 'closing', sinceMs: 0 };
  r.start();
  await eventually(5_000, () => { r.clock.advance(50); expect([r.drain.status.phase, r.told]).toEqual(['drained', { peers: { peers: [] }, originate: { routes: [] } }]); });
});

test('a drain until the next boot is none after it; what is no request is none', async () => {
  for (const text of ['{"at":"1","bootId":"boot-0"}', '{"waitSeconds":-1}', '[]', 'yes', '{"message":7}', `{"message":"${'x'.repeat(256)}"}`]) {
    await using r = new Rig().node({ 'tortie.io/drain': text }).start();
    await r.becomes('none', false, [undefined]);
  }
  for (const text of ['true', '{}', '{"bootId":"boot-1"}']) {
    await using r = new Rig().node({ 'tortie.io/drain': text }).start();
    await r.becomes('announcing', true, [undefined]);
    expect(r.drain.status.message).toBe('drain of node a');
  }
});

test('no event surprises the machine: what comes late changes nothing', () => {
  const order = { waitSeconds: 5, message: 'm' };
  const none = notDrained(1);
  expect(stepDrain(none, { type: 'applied' }, 2)).toEqual([none, []]);
  expect(stepDrain(none, { type: 'expired' }, 2)).toEqual([none, []]);
  const [announcing] = stepDrain(none, { type: 'ordered', order }, 2);
  const [closing, effects] = stepDrain(announcing, { type: 'expired' }, 3);
  expect(effects).toEqual([{ type: 'disarm' }, { type: 'tell' }, { type: 'keep', kept: { phase: 'closing', sinceMs: 3 } }]);
  expect(stepDrain(closing, { type: 'expired' }, 4)).toEqual([closing, []]);
  const [drained] = stepDrain(closing, { type: 'applied' }, 4);
  expect(stepDrain(drained, { type: 'applied' }, 5)).toEqual([drained, []]);
  expect(stepDrain(none, { type: 'ordered', order }, 100, { phase: 'announcing', sinceMs: 5_000 })[1][0]).toEqual({ type: 'arm', ms: 5_000 });
});

test('how far it has come is kept on disk, and nonsense there is nothing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tortie-drain-'));
  try {
    const path = join(directory, 'below', 'drain.json');
    const record = await openDrainRecord(path, silentLog);
    expect(record.kept).toBeUndefined();
    void record.keep({ phase: 'announcing', sinceMs: 1 });
    await record.keep({ phase: 'drained', sinceMs: 2 });
    expect((await openDrainRecord(path, silentLog)).kept).toEqual({ phase: 'drained', sinceMs: 2 });
    await record.keep(undefined);
    await expect(readFile(path)).rejects.toThrow('ENOENT');
    for (const text of ['', '[]', '{"phase":"none","sinceMs":1}', '{"phase":"drained"}']) {
      await writeFile(path, text);
      expect([(await openDrainRecord(path, silentLog)).kept, decodeKeptDrain(text)]).toEqual([undefined, undefined]);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

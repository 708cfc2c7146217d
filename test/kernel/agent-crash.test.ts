/**
 * The agent killed after each single write of ADD, and of DEL: the next one makes kernel, blocks, handles, records and
 * pods agree, and after the runtime's DEL everything is as before.
 */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { AgentNode, calico, type TestPod } from '../support/agent-node.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { eventually } from '../support/eventually.ts';
import { skipUnless } from '../support/skip.ts';

const scenario = skipUnless(root, namespaces, program('ip'), program('nsenter'), program('ping'), program('gcc'));
const WALK_MS = 900_000;
/** The promise is 60 s; a repair at start takes less. */
const AGREED_MS = 60_000;
const ENTRY = [resolve('test/support/dying-agent.ts')];

let node: AgentNode;
beforeAll(async () => { if (scenario !== skipUnless()) return; node = await AgentNode.create('crash'); }, 60_000);
afterAll(async () => { await (node as AgentNode | undefined)?.[Symbol.asyncDispose](); }, 60_000);

interface Fingerprint { readonly links: string[]; readonly routes: string[]; readonly held: string[]; readonly handles: string[]; readonly records: string[]; readonly affinities: string[]; readonly blocks: number; readonly queue: string[] }
const fingerprint = async (): Promise<Fingerprint> => await node.fingerprint() as Fingerprint;

const startDying = (writes: number): Promise<unknown> => node.startAgent(ENTRY, { TORTIE_TEST_DIE_AFTER: String(writes) });

async function arm(): Promise<void> {
  node.agent.signal('SIGUSR2');
  await eventually(5_000, () => { if (!node.agent.lines.includes('armed')) throw new Error('not armed'); });
}

/** Nothing of any pod; the node may keep blocks, each with a confirmed affinity. */
async function expectNothingLeft(): Promise<void> {
  await eventually(AGREED_MS, async () => {
    const { affinities, blocks, ...rest } = await fingerprint();
    expect(rest).toEqual({ links: ['lo '], routes: [], held: [], handles: [], records: [], queue: [] });
    expect(affinities).toEqual(Array(blocks).fill('confirmed'));
  });
}

/** Either the pod is attached whole, or nothing of it is there. */
async function expectAgreement(pod: TestPod): Promise<'attached' | 'nothing'> {
  return await eventually(AGREED_MS, async () => {
    const found = await fingerprint();
    expect(found.affinities).toEqual(Array(found.blocks).fill('confirmed'));
    expect([...new Set(found.held)]).toEqual(found.handles);
    expect(found.records).toHaveLength(found.handles.length);
    if (found.handles.length === 0) {
      expect([found.links, found.routes]).toEqual([['lo '], []]);
      return 'nothing';
    }
    const annotations = await node.annotations(pod);
    expect([found.links.length, found.routes.length, found.held.length]).toEqual([2, 2, 2]);
    for (const address of annotations['cni.projectcalico.org/podIPs']!.split(',')) {
      expect(spawnSync('nsenter', [`--net=${pod.netns.path}`, 'ping', '-c1', '-W2', address.split('/')[0]!]).status).toBe(0);
    }
    return 'attached';
  });
}

/** As on a new node: the next ADD claims its blocks. */
async function forgetBlocks(): Promise<void> {
  for (const plural of ['blockaffinities', 'ipamblocks']) {
    for (const object of (await node.kube.list(calico(plural))).items) await node.kube.delete(calico(plural), object.metadata.name);
  }
}

scenario('killed after each write of the first ADD of a node', async () => {
  await startDying(1);
  const pod = await node.pod('walked');
  let writes = 1;
  for (; ; writes++) {
    await arm();
    const { status } = await node.cni('ADD', pod);
    if (node.agent.running && status === 0) break;
    await node.agent.ended;
    expect(status).toBe(1);
    await startDying(writes + 1);
    await expectAgreement(pod);
    await node.del(pod);
    await expectNothingLeft();
    await node.agent.kill();
    await forgetBlocks();
    await startDying(writes + 1);
  }
  expect(writes).toBeGreaterThan(20);
  await node.agent.kill();
  await startDying(Infinity);
  await node.del(pod);
  await expectNothingLeft();
  await node.agent.kill();
}, WALK_MS);

scenario('killed after each write of DEL', async () => {
  await startDying(1);
  const pod = await node.pod('walked-back');
  let writes = 1;
  for (; ; writes++) {
    await node.add(pod);
    await arm();
    await node.del(pod);
    const died = await Promise.race([node.agent.ended.then(() => true), expectNothingLeft().then(() => !node.agent.running)]);
    if (!died) break;
    await startDying(writes + 1);
    await expectNothingLeft();
    await node.del(pod);
    await expectNothingLeft();
  }
  expect(writes).toBeGreaterThan(7);
  await node.agent.kill();
}, WALK_MS);

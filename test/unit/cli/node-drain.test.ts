/** What `tortiectl node drain` writes and says, against an API server and an agent that are played. */
import { expect, jest, test } from '@jest/globals';
import { drain, drainRequest, nextRequest, phaseWords, undrain } from '../../../cli/node-drain.ts';
import type { DrainStatus } from '../../../config/messages/operator-annotations.ts';
import type { KubeClient } from '../../../sys/kube/client.ts';

const REQUEST = { at: '1', waitSeconds: 5 };

interface World { annotation?: string | undefined; phases: DrainStatus['phase'][]; states: string[]; agent?: string; nodes?: string[] }

/** Each question about the drain is answered with the next phase; the last one stays. */
function play(world: World): KubeClient {
  const next = <T>(list: T[]): T => (list.length > 1 ? list.shift()! : list[0]!);
  return {
    get: (_r: unknown, name: string) => Promise.resolve((world.nodes ?? ['n1']).includes(name)
      ? { metadata: { name, resourceVersion: '1', annotations: world.annotation === undefined ? {} : { 'tortie.io/drain': world.annotation } } } : undefined),
    patch: (_r: unknown, _n: string, { metadata }: { metadata: { annotations: Record<string, string | null> } }) => {
      const text = metadata.annotations['tortie.io/drain'];
      world.annotation = text ?? undefined;
      return Promise.resolve({});
    },
    list: () => Promise.resolve({ items: [{ metadata: { name: 'agent-x' }, spec: { nodeName: world.agent ?? 'n1' } }] }),
    raw: (_m: string, path: string) => Promise.resolve(path.endsWith('/v1/drain')
      ? { phase: next(world.phases), sinceMs: 0, message: 'drain of node n1' } : { peers: [{ name: 'tor', state: next(world.states) }] }),
  } as unknown as KubeClient;
}

async function said(run: () => Promise<void>): Promise<string> {
  let text = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => { text += String(chunk); return true; });
  try { await run(); } finally { write.mockRestore(); }
  return text;
}

test('it prints each phase once, and is done when no session is left', async () => {
  const world: World = { phases: ['none', 'none', 'announcing', 'announcing', 'closing', 'drained'], states: ['Established', 'Idle'] };
  expect(await said(() => drain(play(world), 'n1', REQUEST, 60))).toBe(`node n1: its agent has not seen the drain yet
node n1: routes go out with GRACEFUL_SHUTDOWN
node n1: sessions are being closed
node n1: still Established: tor
node n1 is drained; neighbours were told "drain of node n1"
`);
  expect(world.annotation).toBe('{"at":"1","waitSeconds":5}');
});

test('a second drain changes nothing and waits like the first', async () => {
  const world: World = { annotation: '{"at":"0","waitSeconds":9}', phases: ['announcing', 'drained'], states: ['Idle'] };
  expect(await said(() => drain(play(world), 'n1', REQUEST, 60))).toMatch(/^node n1 is being drained already\nnode n1 is drained/);
  expect(world.annotation).toBe('{"at":"0","waitSeconds":9}');
});

test('a drain until the next boot gives way to one without end, and not the other way round', () => {
  const [boot, lasting] = [{ ...REQUEST, bootId: 'b' }, { ...REQUEST, at: '2' }];
  expect(JSON.parse(nextRequest(JSON.stringify(boot), lasting, true))).toEqual(REQUEST);
  expect(JSON.parse(nextRequest(JSON.stringify(lasting), boot, true))).toEqual(lasting);
  expect(JSON.parse(nextRequest(JSON.stringify(boot), lasting, false))).toEqual(lasting);
  expect(JSON.parse(nextRequest(undefined, lasting, true))).toEqual(lasting);
});

test('undrain: once, again, and where no agent is', async () => {
  const world: World = { annotation: 'true', phases: ['drained', 'none'], states: [] };
  expect(await said(() => undrain(play(world), 'n1', 60))).toBe('node n1 takes part again\n');
  expect(world.annotation).toBeUndefined();
  expect(await said(() => undrain(play(world), 'n1', 60))).toBe('node n1 is not drained\n');
  const away: World = { annotation: 'true', phases: ['none'], states: [], agent: 'n2' };
  await expect(undrain(play(away), 'n1', 1)).rejects.toThrow('no agent runs on node "n1" (the annotation is gone, and the agent will see that when it starts): expected one of n2');
  expect(away.annotation).toBeUndefined();
});

test('a node that does not exist, an agent that does not run, a time that runs out', async () => {
  const world: World = { phases: ['none', 'announcing'], states: [], agent: 'n2', nodes: ['n1', 'n2'] };
  await expect(drain(play(world), 'n9', REQUEST, 1)).rejects.toThrow('resource does not exist: Node(n9)');
  await expect(drain(play(world), 'n1', REQUEST, 1)).rejects.toThrow('no agent runs on node "n1" (nothing was changed): expected one of n2');
  expect(world.annotation).toBeUndefined();
  await said(() => expect(drain(play({ ...world }), 'n2', REQUEST, 0)).rejects.toThrow('node n2 is not drained after 0 s: node n2: routes go out with GRACEFUL_SHUTDOWN; it goes on'));
});

test('options out of bounds are refused; phases in words', () => {
  expect(drainRequest({ wait: '0', message: 'x' }, 'now')).toEqual({ at: 'now', waitSeconds: 0, message: 'x' });
  expect(() => drainRequest({ wait: '3601' }, '')).toThrow('--wait 3601: expected 0..3600 seconds');
  expect(() => drainRequest({ wait: '-1' }, '')).toThrow('expected 0..3600');
  expect(() => drainRequest({ wait: '1', message: 'ä'.repeat(128) }, '')).toThrow('the message has 256 octets: expected at most 255');
  expect(phaseWords('n1', { phase: 'drained', sinceMs: 0 }, ['tor'])).toBe('node n1: still Established: tor');
});

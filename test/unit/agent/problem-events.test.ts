import { expect, test } from '@jest/globals';
import { startProblemEvents, type ProblemEvents } from '../../../agent/problem-events.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import type { Problem } from '../../../lib/errors.ts';
import { silentLog } from '../../../lib/log.ts';
import type { KubeObject } from '../../../sys/kube/client.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const storage = storageFor('v3');
const BAD_PEER: Problem = { path: 'BGPPeer/tor-1.spec.asNumber', message: '0 is not an AS number: expected 1..4294967295' };
const start = (kube: MemoryKube, clock: FakeClock, node = 'a'): ProblemEvents => startProblemEvents({ kube, clock, log: silentLog, storage, node });
const events = (kube: MemoryKube): KubeObject[] => kube.all('events');
const writes = (kube: MemoryKube): number => kube.calls.filter((c) => c.plural === 'events' && c.verb !== 'get').length;

function kubeWithPeer(): MemoryKube {
  const kube = new MemoryKube();
  kube.put(storage.resource('BGPPeer'), { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', metadata: { name: 'tor-1', uid: 'u-1' }, spec: {} });
  return kube;
}

test('a problem becomes an Event of its resource, as kubectl describe looks for it', async () => {
  const kube = kubeWithPeer();
  using reporter = start(kube, new FakeClock());
  reporter.report([BAD_PEER, { path: 'Node/n.x.metadata.annotations["projectcalico.org/IPv4Address"]', message: 'missing' }]);
  await eventually(5_000, () => { expect(events(kube)).toHaveLength(2); });
  expect(events(kube).find((e) => String(e['message']).startsWith('spec'))).toMatchObject({
    kind: 'Event', type: 'Warning', reason: 'NotUsable', count: 1, message: 'spec.asNumber: 0 is not an AS number: expected 1..4294967295',
    involvedObject: { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', name: 'tor-1', uid: 'u-1' },
    firstTimestamp: '2023-11-14T22:13:20Z', source: { component: 'tortie-agent', host: 'a' }, metadata: { namespace: 'default' },
  });
  expect(events(kube).find((e) => String(e['message']).startsWith('metadata'))).toMatchObject({ involvedObject: { kind: 'Node', name: 'n.x', uid: 'n.x' } });
});

test('said once for a while, then again with a count; every node counts in the same Event', async () => {
  const kube = kubeWithPeer();
  const clock = new FakeClock();
  using one = start(kube, clock, 'a');
  using two = start(kube, clock, 'b');
  one.report([BAD_PEER]);
  await eventually(5_000, () => { expect(events(kube)).toHaveLength(1); });
  one.report([BAD_PEER]);
  two.report([BAD_PEER]);
  await eventually(5_000, () => { expect(events(kube)[0]).toMatchObject({ count: 2 }); });
  clock.advance(29 * 60_000);
  await new Promise(setImmediate);
  expect(events(kube)[0]).toMatchObject({ count: 2 });
  await eventually(5_000, () => { clock.advance(60_000); expect(events(kube)[0]).toMatchObject({ count: 4 }); });
});

test('many problems are written slowly, all of them in the end', async () => {
  const kube = new MemoryKube();
  const clock = new FakeClock();
  using reporter = start(kube, clock);
  reporter.report(Array.from({ length: 50 }, (_, i) => ({ path: `BGPPeer/p${i}.spec`, message: 'x' })));
  await eventually(5_000, () => { expect(writes(kube)).toBe(20); });
  clock.advance(59_000);
  await new Promise(setImmediate);
  expect(writes(kube)).toBe(20);
  await eventually(5_000, () => { clock.advance(1_000); expect(writes(kube)).toBe(40); });
  await eventually(5_000, () => { clock.advance(60_000); expect(events(kube)).toHaveLength(50); });
});

test('a mended problem that comes back is said again; what is gone is no longer repeated; a refusal harms nobody', async () => {
  const kube = kubeWithPeer();
  const clock = new FakeClock();
  using reporter = start(kube, clock);
  let refuse = true;
  kube.before = ({ plural }) => { if (refuse && plural === 'events') throw new Error('forbidden'); };
  reporter.report([BAD_PEER]);
  await eventually(5_000, () => { expect(writes(kube)).toBe(1); });
  refuse = false;
  reporter.report([]);
  reporter.report([BAD_PEER]);
  await eventually(5_000, () => { expect(events(kube)).toHaveLength(1); });
  reporter.report([]);
  const before = writes(kube);
  clock.advance(3_600_000);
  await new Promise(setImmediate);
  expect(writes(kube)).toBe(before);
});

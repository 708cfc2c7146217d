import { expect, test } from '@jest/globals';
import type { PodView } from '../../../lab/kubelet.ts';
import type { Answer, Ask } from '../../../lab/lab.ts';
import { measure, renderMatrix } from '../../../lab/matrix.ts';
import { OperationError } from '../../../lib/errors.ts';

const pod = (name: string, node: string, ...addresses: string[]): PodView => ({ namespace: 'default', name, node, containerId: name, netns: '', addresses });

test('a pod on a crashed node, and one without an address of a family, fail alone', async () => {
  const pods = [pod('a', 'n1', '10.0.0.1', 'fd00::1'), pod('b', 'n2', '10.0.0.2', 'fd00::2'), pod('c', 'n1', 'fd00::3')];
  const ask = (place: string, asks: readonly Ask[]): Promise<Answer[]> => {
    if (place === 'default/b') return Promise.reject(new OperationError('MACHINE_DOWN', { machine: 'n2' }));
    const from = pods.find((p) => place.endsWith(`/${p.name}`))!;
    return Promise.resolve(asks.map((a) => {
      const source = from.addresses.find((x) => x.includes(':') === a.address.includes(':'));
      return a.address.endsWith('2') || source === undefined ? { ...a, ok: false, reason: 'no answer' } : { ...a, ok: true, source, microseconds: 100 };
    }));
  };
  const lines = renderMatrix(await measure({ ask }, pods)).split('\n').map((l) => l.replaceAll(/ {2,}/g, ' | '));
  expect(lines).toContain('b (n2) | a (n1) | n2 is down | n2 is down | n2 is down | n2 is down');
  expect(lines).toContain('a (n1) | c (n1) | no address | no address | fd00::1 | 0.1 ms');
  expect(lines).toContain('a (n1) | b (n2) | no answer | no answer | no answer | no answer');
});

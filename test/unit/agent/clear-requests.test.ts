import { expect, test } from '@jest/globals';
import { startClearRequests } from '../../../agent/clear-requests.ts';
import { startCluster } from '../../../agent/cluster.ts';
import type { BgpdMethods } from '../../../config/messages/bgpd-control.ts';
import { storageFor } from '../../../config/storage/storage.ts';
import { silentLog } from '../../../lib/log.ts';
import type { RpcClient } from '../../../sys/rpc.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const put = (kube: MemoryKube, annotations: Readonly<Record<string, string>>, name = 'a'): void => {
  kube.put({ plural: 'nodes' }, { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations } });
};
const wish = (at: string, mode = 'soft-in'): Readonly<Record<string, string>> => ({ 'tortie.io/bgp-clear': JSON.stringify({ peer: 'tor', mode, at }) });

test('a wish is passed on once, when its time changes, and not what stood there at the start', async () => {
  const kube = new MemoryKube();
  put(kube, wish('1'));
  using cluster = startCluster({ kube, log: silentLog, storage: storageFor('v3'), node: 'a' });
  const asked: unknown[] = [];
  const client = { call: (method: string, params: unknown) => { asked.push([method, params]); return Promise.resolve({ peers: ['tor'] }); }, [Symbol.dispose]: () => undefined };
  using _requests = startClearRequests({ cluster, node: 'a', connect: () => Promise.resolve(client as unknown as RpcClient<BgpdMethods>), log: silentLog });
  await cluster.whenInSync();
  put(kube, { ...wish('1'), other: 'x' });
  put(kube, wish('2', 'hard'));
  put(kube, { ...wish('2', 'hard'), other: 'x' });
  put(kube, { 'tortie.io/bgp-clear': 'nonsense' });
  put(kube, wish('2', 'hard'));
  put(kube, wish('3'), 'b');
  put(kube, {});
  put(kube, wish('4'));
  await eventually(5_000, () => { expect(asked).toEqual([['clear', { peer: 'tor', mode: 'hard' }], ['clear', { peer: 'tor', mode: 'soft-in' }]]); });
});

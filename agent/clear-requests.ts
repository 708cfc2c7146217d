/** An operator's wish to clear a session (`tortie.io/bgp-clear` of the Node) is passed on to bgpd, once. */
import type { BgpdMethods } from '../config/messages/bgpd-control.ts';
import type { ClearRequest } from '../config/messages/operator-annotations.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { RpcClient } from '../sys/rpc.ts';
import type { ClusterSource } from './cluster.ts';

export interface ClearPorts {
  readonly cluster: ClusterSource;
  readonly node: string;
  readonly connect: () => Promise<RpcClient<BgpdMethods>>;
  readonly log: Log;
}

/**
 * What stands in the annotation at the start has been done, or nobody waits for it any more. A wish that bgpd cannot be
 * told of is dropped with a line in the log: it was meant for the sessions of that moment.
 */
export function startClearRequests({ cluster, node, connect, log }: ClearPorts): Disposable {
  const requested = (): ClearRequest | undefined => cluster.snapshot().Node.get(node)?.actions['bgp-clear'];
  let last: string | undefined;
  let isBegun = false;
  const look = (): void => {
    if (!cluster.inSync) return;
    const request = requested();
    const isNew = isBegun && request !== undefined && request.at !== last;
    isBegun = true;
    last = request?.at ?? last;
    if (isNew) void perform(request);
  };
  const perform = async (request: ClearRequest): Promise<void> => {
    try {
      using bgpd = await connect();
      const { peers } = await bgpd.call('clear', { peer: request.peer, mode: request.mode });
      log.info('clear.done', { peer: request.peer, mode: request.mode, at: request.at, peers });
    } catch (error) {
      log.warn('clear.failed', { peer: request.peer, mode: request.mode, at: request.at, reason: messageOf(error) });
    }
  };
  look();
  return cluster.onChange((change) => {
    if (change.type === 'inSync' || ((change.type === 'upsert' || change.type === 'remove') && change.kind === 'Node' && change.name === node)) look();
  });
}

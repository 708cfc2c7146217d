/** Asks bgpd one question, and does not wait for ever: who asks the agent is told which of the two is silent. */
import type { BgpdMethods } from '../config/messages/bgpd-control.ts';
import type { Clock } from '../lib/clock.ts';
import { OperationError } from '../lib/errors.ts';
import { connect, type RpcClient } from '../sys/rpc.ts';

/** Less than `tortiectl` (5 s) and Prometheus (10 s) wait for the agent. */
const PATIENCE_MS = 4_000;

/** Rejects with RPC_CONNECT when nobody listens at `path`, with BGPD_SILENT after 4 s, else with what bgpd itself says. */
export async function askBgpd<T>(path: string, clock: Clock, question: (bgpd: RpcClient<BgpdMethods>) => Promise<T>): Promise<T> {
  using bgpd = await connect<BgpdMethods>(path);
  const silent = Promise.withResolvers<never>();
  using _timer = clock.after(PATIENCE_MS, () => {
    silent.reject(new OperationError('BGPD_SILENT', { path }, new Error(`bgpd has not answered within ${PATIENCE_MS / 1000} s`)));
  });
  return await Promise.race([question(bgpd), silent.promise]);
}

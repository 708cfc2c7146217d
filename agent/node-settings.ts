/** Kernel settings of the node itself: it forwards packets of both families. */
import { messageOf, type Problem } from '../lib/errors.ts';
import { ensureSysctl } from '../sys/sysctl.ts';

const SETTINGS = [['net/ipv4/ip_forward', '1'], ['net/ipv6/conf/all/forwarding', '1']] as const;

/** What could not be set is a problem, not an end: a kernel without IPv6, or a read-only /proc. */
export function setForwarding(): Problem[] {
  return SETTINGS.flatMap(([name, value]) => {
    try {
      ensureSysctl(name, value);
      return [];
    } catch (error) {
      return [{ path: `kernel/${name}`, message: `cannot be set to ${value}: pods of that family reach nobody on other nodes: ${messageOf(error)}` }];
    }
  });
}

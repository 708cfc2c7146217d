/** Notices at once when somebody removes a pod's route. */
import { AGENT_ROUTE_PROTOCOL } from '../lib/ownership.ts';
import { GROUP, NetlinkMonitor } from '../sys/netlink/monitor.ts';
import { RTM_DELROUTE } from '../sys/netlink/routes.ts';

/** Offset of `rtm_protocol` in `struct rtmsg`. */
const PROTOCOL_AT = 5;

/**
 * Calls back after routes with our protocol number have gone, or events were lost. What the socket `ownPortId` has done
 * does not count. Routes that go with their link count too: the caller looks whether anything is missing.
 */
export function watchPodRoutes(ownPortId: number, onGone: () => void): Disposable {
  let isGone = false;
  return NetlinkMonitor.open(GROUP.route4 | GROUP.route6, {
    message: (type, _flags, reader) => {
      if (type === RTM_DELROUTE && reader.bytes[reader.at + PROTOCOL_AT] === AGENT_ROUTE_PROTOCOL) isGone = true;
    },
    settled: () => {
      if (isGone) onGone();
      isGone = false;
    },
    lost: onGone,
  }, { ignorePortId: ownPortId });
}

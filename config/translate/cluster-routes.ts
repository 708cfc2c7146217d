/** `programClusterRoutes`: who puts the routes to other nodes' pods into the kernel. */
import type { Problem } from '../../lib/errors.ts';
import type { IPPool } from '../kinds/ip-pool.ts';
import type { LocalNode } from './local-node.ts';

type Division = 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';
/** Calico's defaults: BIRD has the routes that are not encapsulated, Felix those of IPIP. */
const DEFAULTS = { bgp: 'EnabledNoEncapOnly', felix: 'EnabledIPIPOnly' } as const;

const coversPlain = (division: Division): boolean => division === 'Enabled' || division === 'EnabledNoEncapOnly';

/**
 * True: bgpd puts routes of pools without encapsulation into the kernel. Calico divides this work between BIRD and
 * Felix; here bgpd does what either of them was told to do, so that only a cluster that wants none of it has none.
 */
export function putsPlainRoutes(local: LocalNode): boolean {
  const felix = divisionOfFelix(local);
  return coversPlain(local.settings.programClusterRoutes ?? DEFAULTS.bgp) || coversPlain(felix);
}

function divisionOfFelix({ cluster, node }: LocalNode): Division {
  const of = (name: string): Division | undefined => cluster.FelixConfiguration.get(name)?.spec.programClusterRoutes;
  return of(`node.${node.name}`) ?? of('default') ?? DEFAULTS.felix;
}

/**
 * Devices of tunnels that Felix manages: over internal sessions what is reached through them is not announced, since
 * each node has it from its own sources.
 */
export function felixDevices({ settings }: LocalNode): readonly string[] {
  const bgpOwnsIpip = settings.programClusterRoutes === 'Enabled' || settings.programClusterRoutes === 'EnabledIPIPOnly';
  return bgpOwnsIpip ? ['*.cali', '*.calico'] : ['*.cali', '*.calico', 'tunl0'];
}

export function clusterRouteProblems(local: LocalNode, pools: readonly IPPool[]): Problem[] {
  const plain = pools.find((p) => p.spec.ipipMode === 'Never' && p.spec.vxlanMode === 'Never');
  if (plain === undefined || putsPlainRoutes(local)) return [];
  const message = `${local.settings.programClusterRoutes ?? DEFAULTS.bgp}, and FelixConfiguration does not ask for them either: nobody puts routes of `
    + `IPPool/${plain.metadata.name} into the kernel; expected Enabled or EnabledNoEncapOnly in one of them`;
  return [{ path: 'BGPConfiguration/default.spec.programClusterRoutes', message }];
}

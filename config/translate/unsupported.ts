/** Settings that would change forwarding and are not built yet: said aloud instead of ignored. */
import type { Problem } from '../../lib/errors.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { FelixConfiguration } from '../kinds/felix-configuration.ts';
import type { LocalNode } from './local-node.ts';

type Settings = Partial<BGPConfiguration['spec']>;
type Felix = FelixConfiguration['spec'];
/** Field, whether it asks for something, and what becomes of it. */
type Row<T> = readonly [field: keyof T & string, asks: (settings: T) => boolean, consequence: string];

const isListed = (list: readonly unknown[] | undefined): boolean => (list?.length ?? 0) > 0;

const BGP: readonly Row<Settings>[] = [
  ['prefixAdvertisements', (s) => isListed(s.prefixAdvertisements), 'communities are not built yet: expected none; routes go out without them'],
  ['programClusterRoutes', (s) => s.programClusterRoutes === 'Disabled' || s.programClusterRoutes === 'EnabledIPIPOnly',
    'only BGP puts routes of other nodes into the kernel here: expected Enabled or EnabledNoEncapOnly; they are put there all the same'],
  ['ipv6NormalRoutePriority', (s) => (s.ipv6NormalRoutePriority ?? 1024) !== (s.ipv4NormalRoutePriority ?? 1024),
    'both families share one priority: expected that of ipv4NormalRoutePriority, which counts'],
];

const FELIX: readonly Row<Felix>[] = [
  ['wireguardEnabled', (s) => s.wireguardEnabled === true, 'WireGuard is not built yet: expected false; packets travel in the clear'],
  ['wireguardEnabledV6', (s) => s.wireguardEnabledV6 === true, 'WireGuard is not built yet: expected false; packets travel in the clear'],
  ['bpfEnabled', (s) => s.bpfEnabled === true, 'there is no eBPF data plane here: expected false'],
];

export function unsupported(local: LocalNode): Problem[] {
  const problems = rowsOf('BGPConfiguration/default', BGP, local.settings);
  for (const name of ['default', `node.${local.node.name}`]) {
    const felix = local.cluster.FelixConfiguration.get(name);
    if (felix !== undefined) problems.push(...rowsOf(`FelixConfiguration/${name}`, FELIX, felix.spec));
  }
  if (local.node.routeReflectorClusterId !== undefined) {
    const path = `Node/${local.node.name}.metadata.annotations["projectcalico.org/RouteReflectorClusterID"]`;
    problems.push({ path, message: 'reflecting routes is not built yet: expected none; this node has left the mesh and passes on nothing' });
  }
  return problems;
}

const rowsOf = <T>(path: string, rows: readonly Row<T>[], settings: T): Problem[] =>
  rows.filter(([, asks]) => asks(settings)).map(([field, , message]) => ({ path: `${path}.spec.${field}`, message }));

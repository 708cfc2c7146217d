/** What concerns the whole speaker of a node: who it is, where it listens, how it treats the kernel, whom it reports to. */
import { FAMILIES } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import type { GlobalSection } from '../messages/speaker-config.ts';
import { KERNEL_FILTER, REDISTRIBUTION_FILTER } from './filters.ts';
import { listenPortOf, routerIdOf, type LocalNode } from './local-node.ts';
import { usablePools } from './pools.ts';
import { normalPriority } from './priorities.ts';

/** How long helpers keep our routes while we restart, and we theirs. */
const GRACEFUL_RESTART = { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 } as const;
const MAIN_TABLE = 254;
/** As many as BIRD's `merge paths` takes. */
const MAXIMUM_PATHS = 16;
/** kube-proxy's device, which has the address of every Service. */
const SERVICE_DEVICES = 'kube-ipvs*';

/** Calico's severities as our levels. */
const LEVELS: Readonly<Record<string, GlobalSection['logLevel'] & string>> = {
  trace: 'debug', debug: 'debug', info: 'info', warning: 'warn', error: 'error', fatal: 'error',
};

/** Its own BGPConfiguration counts for a node, if it has one; undefined: nobody says. */
const severityOf = ({ cluster, node }: LocalNode): string | undefined =>
  (cluster.BGPConfiguration.get(`node.${node.name}`) ?? cluster.BGPConfiguration.get('default'))?.spec.logSeverityScreen;

export function globalSection(local: LocalNode): GlobalSection {
  const { node, settings, defaults } = local;
  const own = FAMILIES.map((f) => local.addresses[f]).filter((a) => a !== undefined);
  const severity = severityOf(local);
  const [metric, metric6] = [normalPriority(settings, 'ipv4'), normalPriority(settings, 'ipv6')];
  return {
    asn: local.asn,
    routerId: routerIdOf(local),
    listen: {
      port: own.length === 0 ? 0 : listenPortOf(local.cluster, node.name),
      addresses: settings.bindMode === 'NodeIP' ? own : [],
    },
    gracefulRestart: GRACEFUL_RESTART,
    kernel: {
      table: MAIN_TABLE, metric, ...(metric6 === metric ? {} : { metric6 }), metricFromLocalPref: true, install: true,
      filter: KERNEL_FILTER, redistribute: REDISTRIBUTION_FILTER, maximumPaths: MAXIMUM_PATHS,
      ignoredInterfaces: [...settings.ignoredInterfaces ?? [], SERVICE_DEVICES],
    },
    ...(severity === undefined ? {} : { logLevel: LEVELS[severity.toLowerCase()] ?? 'info' }),
    ...(node.routeReflectorClusterId === undefined ? {} : { clusterId: node.routeReflectorClusterId }),
    ...(node.actions['graceful-shutdown'] === true ? { gracefulShutdown: true } : {}),
    guards: { ...(defaults.guards ?? { martians: true, ownBlocks: true }), except: exceptions(local) },
    ...(defaults['bmp-stations'] === undefined ? {} : { bmp: { stations: defaults['bmp-stations'] } }),
  };
}

/** Pools may lie anywhere: nothing inside one is a martian. */
function exceptions({ cluster, defaults }: LocalNode): readonly string[] {
  const pools = usablePools(cluster.IPPool.values()).pools.map((p) => parsePrefix(p.spec.cidr)).filter((p) => p !== undefined);
  return [...new Set([...pools.map(showPrefix), ...defaults['allow-martians'] ?? []])];
}

/** Calico's priorities of routes: the metric of a kernel route, and the same thing as LOCAL_PREF. */
import type { Family } from '../../lib/ip/prefix.ts';
import { BGP_ROUTE_METRIC } from '../../lib/ownership.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import { LOCAL_PREF_OF_METRIC_0 } from '../messages/speaker-config.ts';

type Settings = Partial<BGPConfiguration['spec']>;

export const localPrefOf = (priority: number): number => LOCAL_PREF_OF_METRIC_0 - priority;

/** Metric of routes that have none of their own. */
export const normalPriority = (settings: Settings, family: Family): number =>
  (family === 'ipv4' ? settings.ipv4NormalRoutePriority : settings.ipv6NormalRoutePriority) ?? BGP_ROUTE_METRIC;

/** LOCAL_PREF of routes whose priority is nothing special. */
export const normalLocalPref = (settings: Settings, family: Family): number => localPrefOf(normalPriority(settings, family));

/**
 * Which addresses of Services a node announces.
 *
 * Whole ranges are announced by every node: any node can take a packet on. What a range cannot say is announced besides,
 * address by address: a Service that wants its packets only where its endpoints are, and addresses whose range is the
 * address itself, or is not announced as one.
 */
import { bitsOf, comparePrefixes, containsAddress, familyOf, hostPrefix, lengthOf, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { CalicoNode } from '../kinds/node.ts';
import type { ServiceFacts, SliceFacts } from '../kinds/service.ts';
import type { OriginatedRoute } from '../messages/speaker-config.ts';
import { normalLocalPref } from './priorities.ts';

type Settings = Partial<BGPConfiguration['spec']>;

/** Of Kubernetes: a node with this label, as `true`, takes no packets from outside for Services. */
export const EXCLUDED_NODE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';

export interface ServiceRanges {
  readonly cluster: readonly Prefix[];
  readonly external: readonly Prefix[];
  readonly loadBalancer: readonly Prefix[];
}

export function serviceRanges(settings: Settings): ServiceRanges {
  return {
    cluster: rangesOf(settings.serviceClusterIPs), external: rangesOf(settings.serviceExternalIPs),
    loadBalancer: rangesOf(settings.serviceLoadBalancerIPs),
  };
}

export const hasServiceRanges = (settings: Settings): boolean => allRanges(settings).length > 0;

/** Every configured range, whether it is announced as a whole or not. */
export function allRanges(settings: Settings): readonly Prefix[] {
  const { cluster, external, loadBalancer } = serviceRanges(settings);
  return [...cluster, ...external, ...loadBalancer];
}

export const isExcluded = (node: CalicoNode): boolean => node.labels[EXCLUDED_NODE_LABEL] === 'true';

/** What is announced for Services by a node that is not excluded, in numeric order, each once however many share it. */
export function servicePrefixes(settings: Settings, services: Iterable<readonly [string, ServiceFacts]>, slices: Iterable<SliceFacts>): Prefix[] {
  const ranges = serviceRanges(settings);
  const aggregated = settings.serviceLoadBalancerAggregation !== 'Disabled';
  const prefixes = new Set<Prefix>([...ranges.cluster, ...ranges.external.filter(isRange), ...(aggregated ? ranges.loadBalancer.filter(isRange) : [])]);
  const readiness = readinessOf(slices);
  for (const [name, service] of services) {
    for (const address of addressesOf(service, ranges, aggregated, readiness.get(name) ?? 0)) prefixes.add(hostPrefix(address));
  }
  return [...prefixes].sort(comparePrefixes);
}

export const serviceRoute = (prefix: Prefix, settings: Settings): OriginatedRoute =>
  ({ prefix: showPrefix(prefix), blackhole: false, localPref: normalLocalPref(settings, familyOf(prefix)) });

function addressesOf(service: ServiceFacts, ranges: ServiceRanges, aggregated: boolean, ready: number): Ip[] {
  const { clusterIps, externalIps, loadBalancerIps } = service;
  if (service.isLocal) {
    const here = (list: readonly Prefix[]) => (a: Ip): boolean => (ready & HERE[familyOf(a)]) !== 0 && isInside(list, a);
    return [...clusterIps.filter(here(ranges.cluster)), ...externalIps.filter(here(ranges.external)), ...loadBalancerIps.filter(here(ranges.loadBalancer))];
  }
  const isReady = (a: Ip): boolean => (ready & ANYWHERE[familyOf(a)]) !== 0;
  return [
    ...externalIps.filter((a) => isSingle(ranges.external, a)),
    ...loadBalancerIps.filter((a) => isSingle(ranges.loadBalancer, a) || (!aggregated && isReady(a) && isInside(ranges.loadBalancer, a))),
  ];
}

/** Bits of what the slices of one service say together. */
const HERE = { ipv4: 1, ipv6: 2 } as const satisfies Record<Family, number>;
const ANYWHERE = { ipv4: 4, ipv6: 8 } as const satisfies Record<Family, number>;

function readinessOf(slices: Iterable<SliceFacts>): Map<string, number> {
  const readiness = new Map<string, number>();
  for (const { service, family, ready, readyHere } of slices) {
    const bits = (ready ? ANYWHERE[family] : 0) | (readyHere ? HERE[family] : 0);
    if (bits !== 0) readiness.set(service, (readiness.get(service) ?? 0) | bits);
  }
  return readiness;
}

const isRange = (prefix: Prefix): boolean => lengthOf(prefix) < bitsOf(familyOf(prefix));
const isInside = (ranges: readonly Prefix[], address: Ip): boolean => ranges.some((r) => containsAddress(r, address));
const isSingle = (ranges: readonly Prefix[], address: Ip): boolean => ranges.includes(hostPrefix(address));

/** An entry without a range says nothing. */
const rangesOf = (list: readonly { readonly cidr?: string }[] | undefined): Prefix[] =>
  (list ?? []).map(({ cidr }) => (cidr === undefined ? undefined : parsePrefix(cidr))).filter((p) => p !== undefined);

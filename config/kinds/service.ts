/** Services and EndpointSlices of Kubernetes, as far as announcing their addresses needs them: a few words of each. */
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import { parseIp } from '../../lib/ip/text.ts';
import { isObject } from '../schema/structure.ts';
import type { Metadata } from './kind.ts';

export interface ServiceFacts {
  /** `externalTrafficPolicy: Local`: only nodes with an endpoint may be sent its packets. */
  readonly isLocal: boolean;
  readonly clusterIps: readonly Ip[];
  readonly externalIps: readonly Ip[];
  /** Those that a load balancer has given it. */
  readonly loadBalancerIps: readonly Ip[];
}

/** One EndpointSlice: what it says of its service. Addresses and ports do not matter. */
export interface SliceFacts {
  /** `namespace/name`. */
  readonly service: string;
  readonly family: Family;
  /** At least one endpoint is ready, wherever it is. */
  readonly ready: boolean;
  /** At least one endpoint on this node is ready. */
  readonly readyHere: boolean;
}

interface Stored { readonly metadata: Metadata; readonly spec?: unknown; readonly status?: unknown }

const TYPES: ReadonlySet<unknown> = new Set(['ClusterIP', 'NodePort', 'LoadBalancer', undefined]);

/** Undefined: nothing of it is ever announced (ExternalName, headless). Never throws. */
export function readService({ spec, status }: Stored): ServiceFacts | undefined {
  if (!isObject(spec) || !TYPES.has(spec['type'])) return undefined;
  const listed = texts(spec['clusterIPs']);
  const clusterIps = addresses(listed.length > 0 ? listed : texts([spec['clusterIP']]));
  if (clusterIps.length === 0) return undefined;
  const balancer = isObject(status) ? status['loadBalancer'] : undefined;
  const ingress = isObject(balancer) && Array.isArray(balancer['ingress']) ? balancer['ingress'].map((i: unknown) => (isObject(i) ? i['ip'] : undefined)) : [];
  return {
    isLocal: spec['externalTrafficPolicy'] === 'Local',
    clusterIps, externalIps: addresses(texts(spec['externalIPs'])), loadBalancerIps: addresses(texts(ingress)),
  };
}

/** The label by which a slice says whose it is. */
const SERVICE_LABEL = 'kubernetes.io/service-name';
const FAMILY_OF: Readonly<Record<string, Family>> = { IPv4: 'ipv4', IPv6: 'ipv6' };

/** Undefined: it says nothing of a service's addresses. Never throws. */
export function readSlice(object: { readonly metadata: Metadata; readonly addressType?: unknown; readonly endpoints?: unknown }, node: string): SliceFacts | undefined {
  const name = object.metadata.labels?.[SERVICE_LABEL];
  const family = FAMILY_OF[String(object.addressType)];
  if (name === undefined || family === undefined || !Array.isArray(object.endpoints)) return undefined;
  const ready = object.endpoints.filter((e): e is Readonly<Record<string, unknown>> => isObject(e) && isReady(e));
  return {
    service: `${object.metadata.namespace ?? ''}/${name}`, family,
    ready: ready.length > 0, readyHere: ready.some((e) => e['nodeName'] === node),
  };
}

/** A condition that is not told counts as met. An endpoint that is being ended is not ready, though it may go on serving. */
function isReady({ conditions }: Readonly<Record<string, unknown>>): boolean {
  return !isObject(conditions) || conditions['ready'] !== false;
}

const texts = (list: unknown): string[] => (Array.isArray(list) ? list.filter((t): t is string => typeof t === 'string') : []);
const addresses = (list: readonly string[]): Ip[] => list.map(parseIp).filter((a) => a !== undefined);

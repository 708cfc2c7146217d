/** Services, EndpointSlices and pods for tests, written as a user would and read as the agent does. */
import { readService, readSlice } from '../../config/kinds/service.ts';
import { readWorkload } from '../../config/kinds/workload.ts';
import type { ClusterSnapshot } from '../../config/translate/snapshot.ts';

export interface Endpoint { readonly nodeName?: string; readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean } }
export interface WrittenService { readonly name: string; readonly spec: object; readonly ingress?: readonly string[] }
export interface WrittenSlice { readonly service: string; readonly addressType?: string; readonly endpoints: readonly Endpoint[] }
export interface WrittenPod {
  readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>>; readonly ips: string; readonly account?: string; readonly containerId?: string;
}

/** A snapshot with these besides, as the agent of `node` would hold it. */
export function withServices(snapshot: ClusterSnapshot, node: string, services: readonly WrittenService[], slices: readonly WrittenSlice[] = []): ClusterSnapshot {
  const facts = services.map(({ name, spec, ingress = [] }) =>
    [`default/${name}`, readService({ metadata: { name, namespace: 'default' }, spec, status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } } })] as const);
  const read = slices.map(({ service, addressType = 'IPv4', endpoints }, i) => [`default/s${i}`, readSlice({
    metadata: { name: `s${i}`, namespace: 'default', labels: { 'kubernetes.io/service-name': service } }, addressType,
    endpoints: endpoints.map((e) => ({ addresses: ['192.0.2.1'], ...e })),
  }, node)] as const);
  return { ...snapshot, Service: mapOf(facts), EndpointSlice: mapOf(read) };
}

export function withPods(snapshot: ClusterSnapshot, pods: readonly WrittenPod[]): ClusterSnapshot {
  const read = pods.map(({ name, namespace = 'default', labels = {}, ips, account = 'default', containerId = 'c1' }) => [`${namespace}/${name}`, readWorkload({
    metadata: { name, namespace, labels, annotations: { 'cni.projectcalico.org/podIPs': ips, 'cni.projectcalico.org/containerID': containerId } },
    spec: { serviceAccountName: account }, status: { phase: 'Running' },
  })] as const);
  return { ...snapshot, Workload: mapOf(read) };
}

const mapOf = <T>(entries: readonly (readonly [string, T | undefined])[]): Map<string, T> =>
  new Map(entries.filter((e): e is readonly [string, T] => e[1] !== undefined));

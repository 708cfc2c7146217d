/** A pod as a workload endpoint of Calico: the labels that selectors see, and its addresses. */
import type { Ip } from '../../lib/ip/prefix.ts';
import { parseIp } from '../../lib/ip/text.ts';
import type { Labels } from '../../lib/selector/ast.ts';
import { isObject } from '../schema/structure.ts';
import type { Metadata } from './kind.ts';

export interface WorkloadFacts {
  readonly namespace: string;
  readonly pod: string;
  /** The sandbox that has the addresses, as its annotation says; empty: unknown. */
  readonly containerId: string;
  readonly labels: Labels;
  readonly addresses: readonly Ip[];
}

const POD_IPS = 'cni.projectcalico.org/podIPs';
const POD_IP = 'cni.projectcalico.org/podIP';
const CONTAINER_ID = 'cni.projectcalico.org/containerID';
/** Calico's selectors see no longer names, since labels cannot hold them. */
const MAXIMUM_ACCOUNT = 63;

/** Undefined: it has no network of its own, has ended, or has no address yet. Never throws. */
export function readWorkload(object: { readonly metadata: Metadata; readonly spec?: unknown; readonly status?: unknown }): WorkloadFacts | undefined {
  const { name, namespace = '', labels = {}, annotations = {} } = object.metadata;
  const spec = isObject(object.spec) ? object.spec : {};
  const status = isObject(object.status) ? object.status : {};
  if (spec['hostNetwork'] === true || status['phase'] === 'Succeeded' || status['phase'] === 'Failed') return undefined;
  const addresses = addressesOf(annotations, status);
  if (addresses.length === 0) return undefined;
  const account = spec['serviceAccountName'];
  return {
    namespace, pod: name, containerId: annotations[CONTAINER_ID] ?? '', addresses,
    labels: {
      ...labels,
      'projectcalico.org/namespace': namespace, 'projectcalico.org/orchestrator': 'k8s',
      ...(typeof account === 'string' && account !== '' && account.length < MAXIMUM_ACCOUNT ? { 'projectcalico.org/serviceaccount': account } : {}),
    },
  };
}

/** The annotation counts, also when it is empty: then the pod has been taken off the network. Without one, what the kubelet says. */
function addressesOf(annotations: Readonly<Record<string, string>>, status: Readonly<Record<string, unknown>>): Ip[] {
  const written = annotations[POD_IPS] ?? annotations[POD_IP];
  const list = written?.split(',') ?? (Array.isArray(status['podIPs']) ? status['podIPs'].map((p: unknown) => (isObject(p) ? String(p['ip']) : '')) : []);
  return list.map((text) => parseIp(text.trim().replace(/\/(32|128)$/, ''))).filter((a) => a !== undefined);
}

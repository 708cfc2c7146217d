/** Pods in the API as far as a pod's network goes: what is asked of it, and Calico's annotations that say what it got. */
import type { KubeClient, KubeObject, Resource } from '../sys/kube/client.ts';
import { OperationError } from '../lib/errors.ts';
import { showPrefix } from '../lib/ip/text.ts';
import { prefixesOf } from './endpoints/attachment.ts';
import type { PodsPort } from './ports.ts';

const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };
const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };

const P = 'cni.projectcalico.org/';
export const POD_ANNOTATIONS = { podIp: `${P}podIP`, podIps: `${P}podIPs`, containerId: `${P}containerID` } as const;

const pointer = (annotation: string): string => `/metadata/annotations/${annotation.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** Status of an answer that says that a JSON patch does not apply: a `test` failed, or there are no annotations. */
const UNPROCESSABLE = 422;

export function podsIn(kube: KubeClient): PodsPort {
  return {
    read: async ({ namespace, name }) => {
      const [pod, around] = await Promise.all([kube.get<KubeObject>(PODS, name, namespace), kube.get<KubeObject>(NAMESPACES, namespace)]);
      if (pod === undefined) return undefined;
      return {
        uid: pod.metadata.uid ?? '', annotations: pod.metadata.annotations ?? {},
        namespaceLabels: around?.metadata.labels ?? {}, namespaceAnnotations: around?.metadata.annotations ?? {},
      };
    },
    annotate: async (attachment) => {
      const { pod } = attachment;
      if (pod === undefined) return true;
      const addresses = prefixesOf(attachment).map(showPrefix);
      const annotations = {
        [POD_ANNOTATIONS.containerId]: attachment.containerId, [POD_ANNOTATIONS.podIp]: addresses[0] ?? '', [POD_ANNOTATIONS.podIps]: addresses.join(','),
      };
      const patch = { metadata: { ...(pod.uid === '' ? {} : { uid: pod.uid }), annotations } };
      const patched = await kube.patch(PODS, pod.name, patch, { namespace: pod.namespace, type: 'strategic', subresource: 'status' });
      return typeof patched !== 'string';
    },
    blank: async ({ pod, containerId }) => { if (pod !== undefined) await blank(kube, pod, containerId); },
  };
}

/** One request, which the API refuses unless the annotations are this container's: a newer one's stay. Empty means gone, for Calico. */
async function blank(kube: KubeClient, pod: { readonly namespace: string; readonly name: string }, containerId: string): Promise<void> {
  const patch = [
    { op: 'test', path: pointer(POD_ANNOTATIONS.containerId), value: containerId },
    { op: 'add', path: pointer(POD_ANNOTATIONS.podIp), value: '' },
    { op: 'add', path: pointer(POD_ANNOTATIONS.podIps), value: '' },
  ];
  try {
    await kube.patch(PODS, pod.name, patch, { namespace: pod.namespace, type: 'json', subresource: 'status' });
  } catch (error) {
    if (!(error instanceof OperationError) || error.details['status'] !== UNPROCESSABLE) throw error;
  }
}

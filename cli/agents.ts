/** Asking the agent of a node, through the API server's pod proxy: a kubeconfig is all that is needed. */
import { AGENT_POD_LABEL, AGENT_STATUS_PORT, SYSTEM_NAMESPACE } from '../lib/ownership.ts';
import { OperationError, messageOf } from '../lib/errors.ts';
import type { KubeClient, KubeObject, Patience, Resource } from '../sys/kube/client.ts';
import { CliError } from './errors.ts';

/** A person waits: an agent that is there answers at once, and one that is not shall not be asked four times. */
const PATIENCE: Patience = { timeoutMs: 5_000, attempts: 1 };

const PODS: Resource = { group: '', version: 'v1', plural: 'pods', namespaced: true };

/** Node name → name of its agent's pod. */
export async function agentPods(kube: KubeClient): Promise<ReadonlyMap<string, string>> {
  const labelSelector = Object.entries(AGENT_POD_LABEL).map(([k, v]) => `${k}=${v}`).join(',');
  const { items } = await kube.list(PODS, { namespace: SYSTEM_NAMESPACE, labelSelector });
  const entries = items.map((pod) => [nodeOf(pod), pod.metadata.name] as const).filter((e): e is [string, string] => e[0] !== undefined);
  return new Map(entries.sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

const nodeOf = (pod: KubeObject): string | undefined => (pod['spec'] as { nodeName?: string } | undefined)?.nodeName;

/** The parsed answer of `path` on that agent. Throws CliError naming the node and why. */
export async function askAgent<T>(kube: KubeClient, node: string, pod: string, path: string): Promise<T> {
  try {
    return await kube.raw('GET', `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods/${pod}:${AGENT_STATUS_PORT}/proxy${path}`, undefined, PATIENCE) as T;
  } catch (error) {
    throw new CliError(isRefusal(error) ? `node ${node}: ${reasonOf(error)}` : `the agent of node ${node} does not answer: ${reasonOf(error)}`);
  }
}

/** The agent has answered: the question is wrong, or bgpd is away. The API server would have given a reason of Kubernetes'. */
const isRefusal = (error: unknown): boolean => error instanceof OperationError && error.code === 'KUBE_REFUSED'
  && [400, 404, 503].includes(Number(error.details['status'])) && error.details['reason'] === '';

function reasonOf(error: unknown): string {
  if (!(error instanceof OperationError)) return messageOf(error);
  if (error.code === 'KUBE_TIMEOUT') return `nothing within ${PATIENCE.timeoutMs / 1000} s`;
  return typeof error.details['said'] === 'string' ? error.details['said'] : messageOf(error);
}

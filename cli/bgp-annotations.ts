/** Operator actions: written as annotations of the Node, with a compare-and-swap, and watched until the agent's status shows them. */
import type { ClearMode, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { BGP_CLEAR_ANNOTATION, BGP_SHUTDOWN_ANNOTATION, type ClearRequest } from '../config/messages/operator-annotations.ts';
import { sleep, systemClock } from '../sys/clock.ts';
import type { KubeClient } from '../sys/kube/client.ts';
import type { NodeAgent } from './bgp-nodes.ts';
import { CliError } from './errors.ts';
import { NODES } from './nodes.ts';

const ATTEMPTS = 5;
/** The agent needs a watch event and a call to bgpd; a slow API server some seconds. */
const WAIT_MS = 15_000;
const POLL_MS = 200;

/** `change` gets the annotation's present text and returns the new one; null removes it. Throws CliError when others keep changing the node. */
export async function changeAnnotation(kube: KubeClient, node: string, annotation: string, change: (text: string | undefined) => string | null): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const object = await kube.get(NODES, node);
    if (object === undefined) throw new CliError(`resource does not exist: Node(${node})`);
    const text = change(object.metadata.annotations?.[annotation]);
    const { resourceVersion } = object.metadata;
    const result = await kube.patch(NODES, node, { metadata: { resourceVersion, annotations: { [annotation]: text } } }, { type: 'merge' });
    if (result === 'gone') throw new CliError(`resource does not exist: Node(${node})`);
    if (result !== 'conflict') return;
  }
  throw new CliError(`Node(${node}) changes all the time; try again`);
}

/** Peers held down, by name or address. Throws CliError on an annotation that is not what we would write. */
export function shutdownsIn(node: string, text: string | undefined): Record<string, string> {
  if (text === undefined || text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((v) => typeof v === 'string')) {
      return value as Record<string, string>;
    }
  } catch { /* said below */ }
  throw new CliError(`annotation ${BGP_SHUTDOWN_ANNOTATION} of Node(${node}) is ${JSON.stringify(text)}: expected a JSON object, peer → message; correct it by hand`);
}

/** Polls the agent's status until it shows what was asked for. Throws CliError after 15 s. */
export async function untilShown(agent: NodeAgent, what: string, isShown: (status: SpeakerStatus) => boolean): Promise<void> {
  const end = systemClock.now() + WAIT_MS;
  while (!isShown(await agent.status())) {
    if (systemClock.now() >= end) {
      throw new CliError(`${what} is written to Node(${agent.node}), but its agent's status does not show it after ${WAIT_MS / 1000} s: see the agent's log`);
    }
    await sleep(systemClock, POLL_MS, new AbortController().signal);
  }
}

/** Asks for a clear and waits until the status shows it. `times`: the peers, and when each was cleared last. */
export async function clearPeers(kube: KubeClient, agent: NodeAgent, times: ReadonlyMap<string, number | undefined>, peer: string, mode: ClearMode): Promise<void> {
  const request: ClearRequest = { peer, mode, at: new Date().toISOString() };
  await changeAnnotation(kube, agent.node, BGP_CLEAR_ANNOTATION, () => JSON.stringify(request));
  await untilShown(agent, `clear ${mode}`, ({ peers }) => [...times].every(([name, before]) => {
    const now = peers.find((p) => p.name === name);
    return now === undefined || (now.cleared?.mode === mode && now.cleared.atMs !== before);
  }));
}

/** The peer's name. Throws CliError naming those there are. */
export function peerIn(status: SpeakerStatus, node: string, peer: string): SpeakerStatus['peers'][number] {
  const found = status.peers.find((p) => p.name === peer || p.address === peer);
  if (found === undefined) throw new CliError(`node ${node} has no peer ${JSON.stringify(peer)}: expected one of ${status.peers.map((p) => p.name).join(', ') || '(none)'}`);
  return found;
}

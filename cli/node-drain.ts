/** `tortiectl node drain NODE` and `undrain NODE`: a node's BGP is taken out of service without haste, and put back. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { DRAIN_ANNOTATION, DRAIN_WAIT_SECONDS, MAXIMUM_SHUTDOWN_MESSAGE, type DrainRequest, type DrainStatus } from '../config/messages/operator-annotations.ts';
import { sleep, systemClock } from '../sys/clock.ts';
import type { KubeClient, KubeObject } from '../sys/kube/client.ts';
import { agentPods, askAgent } from './agents.ts';
import { changeAnnotation } from './bgp-annotations.ts';
import { withCluster } from './cluster.ts';
import { CliError, UsageError } from './errors.ts';
import { NODES } from './nodes.ts';

const POLL_MS = 250;
/** Beyond the wait: the agent needs a watch event and two calls to bgpd. */
const PATIENCE_SECONDS = 30;
const MAXIMUM_WAIT_SECONDS = 3_600;

const DRAIN_HELP = `
Routes of the node go out with GRACEFUL_SHUTDOWN (RFC 8326), so that neighbours take other ways where there are any; after --wait all
sessions end with Cease, as Hard Reset where that was negotiated (RFC 8538), and stay down until "undrain", over restarts too.
Pods are not evicted: kubectl drain does that, and comes first. What the node alone can reach, its own pods, is out of reach
of other nodes while it is drained.`;

interface DrainOptions { readonly wait: string; readonly timeout?: string; readonly message?: string; readonly untilReboot?: boolean }

export function addNodeDrain(node: Command): void {
  node.command('drain <node>').description('end a node\'s BGP sessions once its neighbours have found other ways; pods are not evicted')
    .option('--wait <seconds>', 'time for neighbours to find other ways, 0..3600', String(DRAIN_WAIT_SECONDS))
    .option('--timeout <seconds>', `how long this command waits (default: --wait and ${PATIENCE_SECONDS} s); the drain goes on without it`)
    .option('-m, --message <text>', `what the neighbours' operators are told, at most ${MAXIMUM_SHUTDOWN_MESSAGE} octets of UTF-8 (default: drain of node NODE)`)
    .option('--until-reboot', 'the drain is over when the machine has booted again; runs on the node itself')
    .addHelpText('after', DRAIN_HELP)
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.opts<DrainOptions>();
      const request = drainRequest(options, new Date().toISOString());
      const timeout = options.timeout === undefined ? request.waitSeconds + PATIENCE_SECONDS : secondsOf('--timeout', options.timeout, 86_400);
      await withCluster(command, async ({ kube }) => { await drain(kube, name, options.untilReboot === true ? { ...request, bootId: await ownBootId(kube, name) } : request, timeout); });
    });
  node.command('undrain <node>').description('end what "drain" began: the sessions start again')
    .option('--timeout <seconds>', 'how long this command waits', String(PATIENCE_SECONDS))
    .action(async (name: string, _options: unknown, command: Command) => {
      const timeout = secondsOf('--timeout', command.opts<{ timeout: string }>().timeout, 86_400);
      await withCluster(command, async ({ kube }) => { await undrain(kube, name, timeout); });
    });
}

/** Throws UsageError naming the option, its value and what was expected. */
export function drainRequest({ wait, message }: Pick<DrainOptions, 'wait' | 'message'>, at: string): DrainRequest {
  const octets = Buffer.byteLength(message ?? '');
  if (octets > MAXIMUM_SHUTDOWN_MESSAGE) throw new UsageError(`the message has ${octets} octets: expected at most ${MAXIMUM_SHUTDOWN_MESSAGE}`);
  return { at, waitSeconds: secondsOf('--wait', wait, MAXIMUM_WAIT_SECONDS), ...(message !== undefined && { message }) };
}

function secondsOf(option: string, text: string, maximum: number): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) > maximum) throw new UsageError(`${option} ${text}: expected 0..${maximum} seconds`);
  return Number(text);
}

/** A drain that goes on already is waited for and otherwise left alone; one until the next boot becomes one without end. */
export async function drain(kube: KubeClient, node: string, request: DrainRequest, timeoutSeconds: number): Promise<void> {
  await nodeObject(kube, node);
  const ask = await agentOn(kube, node);
  const { phase } = await ask.drain();
  await changeAnnotation(kube, node, DRAIN_ANNOTATION, (text) => nextRequest(text, request, phase !== 'none'));
  if (phase !== 'none') process.stdout.write(`node ${node} is being drained already\n`);
  let shown = '';
  await until(timeoutSeconds, async () => {
    const status = await ask.drain();
    const open = status.phase === 'drained' ? established(await ask.speaker()) : [];
    const words = phaseWords(node, status, open);
    if (words !== shown) process.stdout.write(`${shown = words}\n`);
    return status.phase === 'drained' && open.length === 0;
  }, () => `node ${node} is not drained after ${timeoutSeconds} s: ${shown}; it goes on. See "tortiectl bgp peers ${node}" and the log of its agent`);
}

/** What is to stand in the annotation. */
export function nextRequest(text: string | undefined, request: DrainRequest, isInForce: boolean): string {
  if (!isInForce || text === undefined || text === '') return JSON.stringify(request);
  if (request.bootId !== undefined || !text.includes('"bootId"')) return text;
  return JSON.stringify({ ...JSON.parse(text) as DrainRequest, bootId: undefined });
}

export async function undrain(kube: KubeClient, node: string, timeoutSeconds: number): Promise<void> {
  const object = await nodeObject(kube, node);
  const wasDrained = (object.metadata.annotations?.[DRAIN_ANNOTATION] ?? '') !== '';
  if (wasDrained) await changeAnnotation(kube, node, DRAIN_ANNOTATION, () => null);
  const ask = await agentOn(kube, node, wasDrained ? 'the annotation is gone, and the agent will see that when it starts' : undefined);
  await until(timeoutSeconds, async () => (await ask.drain()).phase === 'none',
    () => `the drain is gone from Node(${node}), but its agent's status does not show it after ${timeoutSeconds} s: see the agent's log`);
  process.stdout.write(wasDrained ? `node ${node} takes part again\n` : `node ${node} is not drained\n`);
}

/** One line for a phase; the same phase has the same line. */
export function phaseWords(node: string, { phase, message }: DrainStatus, open: readonly string[]): string {
  switch (phase) {
    case 'none': return `node ${node}: its agent has not seen the drain yet`;
    case 'announcing': return `node ${node}: routes go out with GRACEFUL_SHUTDOWN`;
    case 'closing': return `node ${node}: sessions are being closed`;
    case 'drained': return open.length > 0 ? `node ${node}: still Established: ${open.join(', ')}` : `node ${node} is drained; neighbours were told ${JSON.stringify(message ?? '')}`;
  }
}

const established = ({ peers }: SpeakerStatus): string[] => peers.filter((p) => p.state === 'Established').map((p) => p.name);

async function nodeObject(kube: KubeClient, node: string): Promise<KubeObject> {
  const object = await kube.get(NODES, node);
  if (object === undefined) throw new CliError(`resource does not exist: Node(${node})`);
  return object;
}

async function agentOn(kube: KubeClient, node: string, besides = 'nothing was changed'): Promise<{ drain(): Promise<DrainStatus>; speaker(): Promise<SpeakerStatus> }> {
  const agents = await agentPods(kube);
  const pod = agents.get(node);
  if (pod === undefined) throw new CliError(`no agent runs on node ${JSON.stringify(node)} (${besides}): expected one of ${[...agents.keys()].join(', ') || '(none)'}`);
  return { drain: () => askAgent(kube, node, pod, '/v1/drain'), speaker: () => askAgent(kube, node, pod, '/v1/bgp/status') };
}

/** An agent or API server that does not answer for a moment is asked again; at the end, its error is the answer. */
async function until(timeoutSeconds: number, isDone: () => Promise<boolean>, failure: () => string): Promise<void> {
  const end = systemClock.now() + timeoutSeconds * 1000;
  for (let reason = ''; ; ) {
    try {
      if (await isDone()) return;
      reason = '';
    } catch (error) {
      reason = error instanceof Error ? ` (${error.message})` : '';
    }
    if (systemClock.now() >= end) throw new CliError(failure() + reason);
    await sleep(systemClock, POLL_MS, new AbortController().signal);
  }
}

/** Of this machine, which has to be the node: the node's agent compares it with its own. */
async function ownBootId(kube: KubeClient, node: string): Promise<string> {
  const own = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const { status } = await nodeObject(kube, node) as { status?: { nodeInfo?: { bootID?: string } } };
  const theirs = status?.nodeInfo?.bootID ?? '';
  if (theirs !== '' && theirs !== own) throw new UsageError(`--until-reboot: this machine is not node ${node} (boot ID ${own}, the node's is ${theirs}); run it there`);
  return own;
}

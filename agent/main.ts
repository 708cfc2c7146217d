/** The process `tortie agent`: the agent with a real API server, a real kernel and real files. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installExecutables } from '../cni/install.ts';
import { OperationError } from '../lib/errors.ts';
import { AGENT_SOCKET, AGENT_STATUS_PORT, BGPD_SOCKET, CNI_BINARY_DIRECTORY, CNI_CONFIGURATION_FILE, STATE_DIRECTORY } from '../lib/ownership.ts';
import { systemClock } from '../sys/clock.ts';
import { openKube } from '../sys/kube/https-client.ts';
import { accessFromFile, accessInCluster, type KubeAccess } from '../sys/kube/kubeconfig.ts';
import { makeLog } from '../sys/log.ts';
import { startAgent } from './agent.ts';
import type { AgentOptions, AgentPorts } from './agent-ports.ts';
import { openPodKernel } from './kernel.ts';
import { openRecords } from './records.ts';
import { watchPodRoutes } from './route-watch.ts';

const USAGE = `usage: tortie agent --node NAME [--namespace NAMESPACE] [--kubeconfig FILE] [--socket PATH] [--bgpd-socket PATH] [--state DIRECTORY]
         [--status-port PORT] [--cni-bin-dir DIRECTORY] [--cni-conf FILE] [--install-cni SHIM]
Without --kubeconfig the service account of the pod is used. --namespace is where the Secrets
are that BGP resources name; the pod's own, or kube-system. --install-cni copies the CNI executable into --cni-bin-dir.`;

export async function main(args: string[]): Promise<void> {
  const { options, access, shim } = settingsOf(args);
  if (shim !== undefined) await installExecutables(shim, options.cni.binDirectory);
  const agent = await startAgent(realPorts(access, options), options);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => { void stop(agent); });
  }
}

async function stop(agent: AsyncDisposable): Promise<never> {
  await agent[Symbol.asyncDispose]();
  process.exit(0);
}

/** The outside as it is. */
export function realPorts(access: KubeAccess, options: AgentOptions): AgentPorts {
  const log = makeLog('agent');
  const kernel = openPodKernel();
  return {
    kube: openKube(access, { clock: systemClock, random: Math.random }),
    kernel, log, clock: systemClock, random: Math.random,
    records: openRecords(join(options.state, 'attachments'), log),
    watchRoutes: (onGone) => watchPodRoutes(kernel.portId, onGone),
  };
}

export interface Settings { readonly options: AgentOptions; readonly access: KubeAccess; /** To be installed. */ readonly shim: string | undefined }

/** Throws OperationError AGENT_OPTIONS that names the option, its value and what was expected. */
export function settingsOf(args: string[]): Settings {
  const values = parse(args);
  const node = values.node ?? '';
  if (node === '') throw wrong('--node', node, 'the name of this node in the cluster');
  const port = values['status-port'] ?? String(AGENT_STATUS_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw wrong('--status-port', port, '0..65535');
  const access = values.kubeconfig === undefined ? accessInCluster(process.env) : accessFromFile(values.kubeconfig);
  if (access === undefined) throw wrong('--kubeconfig', '', 'a kubeconfig file, since this is not a pod of the cluster');
  return {
    access, shim: values['install-cni'],
    options: {
      node, namespace: values.namespace ?? (values.kubeconfig === undefined ? access.namespace : 'kube-system'), sender: randomUUID(), statusPort: Number(port),
      socket: values.socket ?? AGENT_SOCKET, bgpdSocket: values['bgpd-socket'] ?? BGPD_SOCKET, state: values.state ?? STATE_DIRECTORY,
      cni: { binDirectory: values['cni-bin-dir'] ?? CNI_BINARY_DIRECTORY, path: values['cni-conf'] ?? CNI_CONFIGURATION_FILE },
    },
  };
}

type Values = Readonly<Partial<Record<(typeof OPTIONS)[number], string>>>;
const OPTIONS = ['node', 'namespace', 'kubeconfig', 'socket', 'bgpd-socket', 'state', 'status-port', 'cni-bin-dir', 'cni-conf', 'install-cni'] as const;

function parse(args: string[]): Values {
  try {
    const options = Object.fromEntries(OPTIONS.map((name) => [name, { type: 'string' as const }]));
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new OperationError('AGENT_OPTIONS', {}, new Error(`${(error as Error).message}\n${USAGE}`));
  }
}

const wrong = (option: string, value: string, expected: string): OperationError =>
  new OperationError('AGENT_OPTIONS', { [option]: value }, new Error(`expected ${expected}\n${USAGE}`));

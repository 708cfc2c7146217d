/** What an agent is given: the outside as ports, and its settings. */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { KubeClient } from '../sys/kube/client.ts';
import type { NetworkConfigurationOptions } from './network-configuration.ts';
import type { KernelPort, RecordPort } from './ports.ts';

export interface AgentPorts {
  readonly kube: KubeClient;
  readonly kernel: KernelPort;
  readonly records: RecordPort;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Calls back when a pod's route has been removed by somebody else. */
  readonly watchRoutes: (onGone: () => void) => Disposable;
}

export interface AgentOptions {
  readonly node: string;
  /** The agent's own namespace, where the Secrets with passwords are. */
  readonly namespace: string;
  /** The CNI executables talk to it. */
  readonly socket: string;
  readonly bgpdSocket: string;
  /** Folder of durable files. */
  readonly state: string;
  readonly statusPort: number;
  /** Different at every start. */
  readonly sender: string;
  readonly cni: NetworkConfigurationOptions;
}

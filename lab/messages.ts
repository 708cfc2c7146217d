/** What is said over a lab's socket between its supervisor and the commands: requests and answers of `sys/rpc.ts`. */
import type { SpeakerStatus } from '../config/messages/bgpd-control.ts';
import type { DaemonView } from './daemon.ts';
import type { PodView } from './kubelet.ts';
import type { NodeState } from './node.ts';

export interface LabMethods {
  status: { readonly params: object; readonly result: LabView };
  /** What a node's bgpd says of itself; null when it does not answer. */
  speaker: { readonly params: { readonly node: string }; readonly result: { readonly status: SpeakerStatus | null } };
  /** Creates the Pod object and resolves when the pod runs. */
  podAdd: { readonly params: PodAdd; readonly result: PodView };
  /** Deletes the Pod object and resolves when nothing of the pod is left. */
  podDel: { readonly params: { readonly name: string; readonly namespace?: string }; readonly result: object };
  /** `kill` is for routers too. */
  break: { readonly params: { readonly what: Breakage; readonly node: string }; readonly result: object };
  /** Of one node, or of all. */
  heal: { readonly params: { readonly node?: string }; readonly result: { readonly healed: readonly string[] } };
  signal: { readonly params: { readonly machine: string; readonly daemon: string; readonly signal: NodeJS.Signals }; readonly result: { readonly pid: number } };
  /** What `birdc` on a router says. */
  birdc: { readonly params: { readonly command: string; readonly router?: string }; readonly result: { readonly text: string } };
}

/** link: the cable is out. kill: the node crashes. pause: its daemons stand still. */
export type Breakage = 'link' | 'kill' | 'pause';
export const BREAKAGES: readonly Breakage[] = ['link', 'kill', 'pause'];

export interface PodAdd { readonly name: string; readonly namespace?: string; readonly node?: string; readonly timeoutMs?: number }

export interface LabView {
  readonly name: string;
  readonly startedAtMs: number;
  /** Modification time of the bundle it runs, milliseconds: another one means that the lab is out of date. */
  readonly bundleMs: number;
  readonly apiPort: number;
  readonly kubeconfig: string;
  readonly machines: readonly MachineView[];
  readonly nodes: readonly NodeView[];
  readonly pods: readonly PodView[];
}

/** The machines that are not nodes: routers, hosts, control. */
export interface MachineView { readonly name: string; readonly initPid: number | null; readonly addresses: readonly string[]; readonly daemons: readonly DaemonView[] }

export interface NodeView extends MachineView {
  readonly state: NodeState;
  readonly connected: boolean;
}

/** What is done to the kernel for a pod, as data; `agent/kernel.ts` carries it out. */
import type { Ip, Prefix } from '../../lib/ip/prefix.ts';

export interface OperationArgs {
  /** Makes the pair: `host` on the node, up, with the gateway's MAC address; `pod` inside the pod's namespace, down. */
  createPair: { readonly host: string; readonly pod: string; readonly mtu: number; readonly podMac: string; readonly alias: string };
  /** On the node. One that is not required may fail: older kernels lack it. */
  hostSysctl: { readonly name: string; readonly value: string; readonly required: boolean };
  podSysctl: { readonly name: string; readonly value: string; readonly required: boolean };
  /** Brings a link in the pod up; a MAC address is set before. */
  raisePodLink: { readonly link: string; readonly mac?: string };
  podAddress: { readonly link: string; readonly address: Ip };
  /** A permanent entry, so that nobody need answer for the gateway. */
  podNeighbour: { readonly link: string; readonly address: Ip; readonly mac: string };
  /** Without gateway: on the link. */
  podRoute: { readonly link: string; readonly prefix: Prefix; readonly gateway?: Ip };
  /** The pod's own address on the node, with our protocol number. */
  hostRoute: { readonly link: string; readonly prefix: Prefix };
  removeHostRoute: { readonly prefix: Prefix };
  /** Of the node, on its end of the link; it is no source of what the node sends by other links. */
  hostAddress: { readonly link: string; readonly address: Ip };
  removeHostAddress: { readonly link: string; readonly address: Ip };
}

export type OperationType = keyof OperationArgs;
export type Operation = { [K in OperationType]: { readonly type: K } & OperationArgs[K] }[OperationType];
/** A new operation does not compile until it is carried out. */
export type Run = { readonly [K in OperationType]: (args: OperationArgs[K]) => void };

/** Inside the pod's network namespace. */
export const isInPod = (operation: Operation): boolean => operation.type.startsWith('pod') || operation.type === 'raisePodLink';

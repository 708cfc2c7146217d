/** What the agent needs from the outside to attach pods, as interfaces: the shell supplies them, tests wrap them. */
import type { Labels } from '../lib/selector/ast.ts';
import type { Ip, Prefix } from '../lib/ip/prefix.ts';
import type { Attachment } from './endpoints/attachment.ts';
import type { Operation } from './endpoints/operations.ts';

/** An open network namespace; disposing closes it. */
export interface Netns extends Disposable {
  readonly fd: number;
  /** Tells one namespace from another, as long as either lives. */
  readonly inode: number;
}

/** The node's end of a pod's link. */
export interface PodLink {
  readonly index: number;
  readonly name: string;
  readonly alias: string | undefined;
}

/** A route with our protocol number. */
export interface PodRoute { readonly prefix: Prefix; /** Empty: its link is unknown. */ readonly link: string }

/** What is on a link inside a pod, for CHECK. */
export interface PodLinkState {
  readonly mac: string | undefined;
  readonly up: boolean;
  readonly addresses: readonly Ip[];
  readonly routes: readonly { readonly prefix: Prefix; readonly gateway: Ip | undefined }[];
  /** Of permanent neighbour entries. */
  readonly neighbours: readonly { readonly address: Ip; readonly mac: string | undefined }[];
}

/** All but `removeLink` is synchronous: rtnetlink answers at once. */
export interface KernelPort {
  /** Throws OperationError NETNS_OPEN, or NETNS_KIND for what is no network namespace, or is the node's own. */
  openNetns(path: string): Netns;
  /** The inode of a network namespace; 0 when there is none at this path. */
  netnsInode(path: string): number;
  /** Carries operations out in order; throws at the first that fails. */
  apply(operations: readonly Operation[], netns?: Netns): void;
  /** Links on the node with the prefix of pod links. */
  podLinks(): readonly PodLink[];
  podLink(name: string): PodLink | undefined;
  /** Addresses of one host (no link-local ones) on links with the prefix of pod links. */
  hostAddresses(): readonly { readonly link: string; readonly address: Ip }[];
  /** Routes with our protocol number: all, or those of one link. */
  podRoutes(link?: PodLink): readonly PodRoute[];
  /** Blocks for 20 ms; an absent link is success. */
  deleteLink(name: string): void;
  /** As `deleteLink`, beside everything else. */
  removeLink(index: number): Promise<void>;
  /** A veth inside a namespace; an absent link or namespace is success, and another kind of link is left alone. */
  deletePodLink(netns: string, name: string): void;
  /** MTU of the link that carries an address of the node; undefined when none does. */
  mtuOf(address: Ip): number | undefined;
  /** Undefined: no such link. */
  inspectPod(netns: Netns, link: string): PodLinkState | undefined;
}

/** Attachments on disk. Writes survive the end of the process at any moment. */
export interface RecordPort {
  load(): readonly Attachment[];
  put(attachment: Attachment): void;
  remove(attachment: Attachment): void;
}

/** What a pod's object and its namespace's say. */
export interface PodFacts {
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly namespaceLabels: Labels;
  readonly namespaceAnnotations: Readonly<Record<string, string>>;
}

export interface PodsPort {
  /** Undefined: no such pod. */
  read(pod: { readonly namespace: string; readonly name: string }): Promise<PodFacts | undefined>;
  /** Writes Calico's annotations. False: the pod is gone, or is another one of the same name. */
  annotate(attachment: Attachment): Promise<boolean>;
  /** Empties them, if they still are of this container. */
  blank(attachment: Attachment): Promise<void>;
}

/** An attachment: one container's interface and everything that hangs on it, as it is remembered on disk. */
import { hostPrefix, type Family, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { parseIp, showIp } from '../../lib/ip/text.ts';
import { aliasOf, keyOf } from './names.ts';

/**
 * ```
 *   (nothing) ──► adding ──► attached ──► deleting ──► (nothing)
 *                    └───────────────────────▲
 * ```
 * `adding` and `deleting` are written before the first other write. What is found in these states at start is taken down.
 */
export type AttachmentState = 'adding' | 'attached' | 'deleting';

export interface Attachment {
  readonly state: AttachmentState;
  /** `link`: we made the interface. `address`: another plugin did, and asked us for addresses only. */
  readonly kind: 'link' | 'address';
  readonly network: string;
  readonly containerId: string;
  /** Inside the pod. */
  readonly interfaceName: string;
  /** Path of the network namespace, and the inode it had; empty and 0 when a DEL of an unknown container named none. */
  readonly netns: string;
  readonly netnsInode: number;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
  readonly handle: string;
  /** On the node. */
  readonly hostInterface: string;
  readonly podMac: string;
  /** Bytes; 0: the kernel's default. */
  readonly mtu: number;
  readonly families: readonly Family[];
  readonly allowIpForwarding: boolean;
  /** Empty until they are allocated. */
  readonly addresses: readonly Ip[];
  /** Prefix length of the block of each address: what an IPAM plugin answers. */
  readonly blockLengths: readonly number[];
  /** Wall clock, milliseconds. */
  readonly sinceMs: number;
}

export const keyOfAttachment = (a: Attachment): string => keyOf(a.containerId, a.interfaceName);
export const aliasOfAttachment = (a: Attachment): string => aliasOf(a.containerId, a.interfaceName);
export const prefixesOf = (a: Attachment): Prefix[] => a.addresses.map(hostPrefix);

const VERSION = 1;

export function encodeAttachment(attachment: Attachment): string {
  return `${JSON.stringify({ version: VERSION, ...attachment, addresses: attachment.addresses.map(showIp) })}\n`;
}

/** Undefined: not a record that this version, or the one before, has written. */
export function decodeAttachment(text: string): Attachment | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const { version: _v, ...rest } = value;
  const addresses = value.addresses.map(parseIp);
  return addresses.includes(undefined) ? undefined : { ...rest, pod: value.pod, addresses: addresses as Ip[] };
}

type Stored = Omit<Attachment, 'addresses'> & { readonly version: number; readonly addresses: readonly string[] };

const TEXTS = ['network', 'containerId', 'interfaceName', 'netns', 'handle', 'hostInterface', 'podMac'] as const satisfies readonly (keyof Stored)[];
const NUMBERS = ['netnsInode', 'mtu', 'sinceMs'] as const satisfies readonly (keyof Stored)[];

function isRecord(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null) return false;
  const v = value as Readonly<Record<string, unknown>>;
  return v['version'] === VERSION && ['adding', 'attached', 'deleting'].includes(v['state'] as string) && ['link', 'address'].includes(v['kind'] as string)
    && TEXTS.every((f) => typeof v[f] === 'string') && NUMBERS.every((f) => typeof v[f] === 'number') && typeof v['allowIpForwarding'] === 'boolean'
    && isList(v['families'], (f) => f === 'ipv4' || f === 'ipv6') && isList(v['addresses'], (a) => typeof a === 'string')
    && isList(v['blockLengths'], (n) => typeof n === 'number') && (v['pod'] === undefined || isPod(v['pod']));
}

const isList = (value: unknown, item: (v: unknown) => boolean): boolean => Array.isArray(value) && value.every(item);

function isPod(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['namespace', 'name', 'uid'].every((f) => typeof (value as Readonly<Record<string, unknown>>)[f] === 'string');
}

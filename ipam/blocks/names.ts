/** Names and labels of IPAM objects, letter for letter as Calico makes them. */
import { createHash } from 'node:crypto';
import type { Family, Prefix } from '../../lib/ip/prefix.ts';
import { showPrefix } from '../../lib/ip/text.ts';

/** Longest name of an API object. An affinity's name of this length or more is shortened. */
const NAME_LIMIT = 253;

/** `10.0.0.0/26` → `10-0-0-0-26`: the first three dots, seven colons and the slash become dashes. */
export const blockNameOf = (cidr: Prefix): string => showPrefix(cidr).replace(/[.:/]/g, '-');

/** `<node>-<block name>`; one that is too long is cut and made unique by 11 digits of a SHA-256. */
export function affinityNameOf(node: string, cidr: Prefix): string {
  const block = blockNameOf(cidr);
  const name = `${node}-${block}`;
  if (name.length < NAME_LIMIT) return name;
  const digest = createHash('sha256').update(`${node}+${block}`).digest('hex').slice(0, 11);
  return `${node.slice(0, NAME_LIMIT - 1 - block.length - 13)}-${block}-${digest}`;
}

/** The affinity a block carries: `host:<node>`. */
export const affinityOf = (node: string): string => `host:${node}`;

export const handleIdOf = (network: string, containerId: string): string => `${network}.${containerId}`;

/** The object of a handle is named in lower case; `spec.handleID` keeps the case. Undefined: no object can be named so. */
export function handleNameOf(handleId: string): string | undefined {
  const name = handleId.toLowerCase();
  return name.length <= NAME_LIMIT && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name) ? name : undefined;
}

export const HOSTNAME_HASH_LABEL = 'projectcalico.org/hostname-hash';
export const AFFINITY_TYPE_LABEL = 'projectcalico.org/affinity-type';
export const IP_VERSION_LABEL = 'projectcalico.org/ip-version';

/** Calico 3.31 and newer find a node's blocks by these labels alone. */
export const affinityLabels = (node: string, family: Family): Readonly<Record<string, string>> => ({
  [AFFINITY_TYPE_LABEL]: 'host',
  [HOSTNAME_HASH_LABEL]: hostnameHash(node),
  [IP_VERSION_LABEL]: family === 'ipv4' ? '4' : '6',
});

/** Selects the affinities of a node, both families. */
export const affinitySelector = (node: string): string => `${HOSTNAME_HASH_LABEL}=${hostnameHash(node)},${AFFINITY_TYPE_LABEL}=host`;

/** Selects affinities that a release before 3.31 has written: without the labels. */
export const UNLABELLED_SELECTOR = `!${AFFINITY_TYPE_LABEL}`;

/** Base 32 (RFC 4648, no padding) of SHA3-256: 52 characters, so that any node name fits a label. */
export function hostnameHash(node: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of createHash('sha3-256').update(node).digest()) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += alphabet[(held >>> (bits - 5)) & 31]!;
  }
  return bits === 0 ? text : text + alphabet[(held << (5 - bits)) & 31]!;
}

/**
 * Where a node begins to look for free blocks: FNV-1 of its name, stirred (the last steps of MurmurHash 3), so that nodes
 * whose names differ in one digit do not take neighbouring blocks and meet there.
 */
export function hostSeed(node: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(node)) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A wall-clock instant as Go prints it with `time.String()`: `2026-11-24 00:17:07.142 +0000 UTC`. */
export function goTime(wallMs: number): string {
  const [date, time] = new Date(wallMs).toISOString().slice(0, -1).split('T') as [string, string];
  return `${date} ${time.replace(/\.(\d*?)0+$/, (_, kept: string) => (kept === '' ? '' : `.${kept}`))} +0000 UTC`;
}

/** RFC 3339 with whole seconds, as the API keeps times. */
export const apiTime = (wallMs: number): string => `${new Date(wallMs).toISOString().slice(0, 19)}Z`;

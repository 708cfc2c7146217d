/**
 * Who is at the other end of a link, by its router advertisements (RFC 4861 §6). Pure.
 *
 * The first router that is heard is the neighbour. Another one takes its place when the neighbour has been silent for
 * three advertisements and has no session, or when it is the first that is heard after the link was away: a neighbour
 * with another MAC address has another link-local address.
 */
import type { Ip, Ipv6 } from '../../lib/ip/prefix.ts';
import { ip } from '../../lib/ip/text.ts';
import { isLinkLocal } from '../rib/next-hop.ts';

export const ALL_NODES = ip('ff02::1') as Ipv6;
export const ALL_ROUTERS = ip('ff02::2') as Ipv6;
/** Milliseconds between advertisements: 75 to 100 % of it, as FRR has it. */
export const INTERVAL_MS = 10_000;
/** MIN_DELAY_BETWEEN_RAS (RFC 4861 §10). */
export const SHORTEST_GAP_MS = 3_000;
/** The first so many come after the shortest gap (MAX_INITIAL_RTR_ADVERTISEMENTS). */
export const INITIAL_COUNT = 3;
/** MAX_RA_DELAY_TIME: a solicitation is answered within this time. */
export const ANSWER_MS = 500;
/** RTR_SOLICITATION_INTERVAL, for the first three; then seldom (RFC 7559). */
export const SOLICITATION_MS = 4_000;
export const SELDOM_MS = 30_000;
const SILENCE_MS = 30_000;

const SOLICITATION = 133;
const ADVERTISEMENT = 134;

export interface Discovery {
  /** Undefined: nobody was heard. */
  readonly neighbour: Ip | undefined;
  readonly heardAtMs: number;
  /** The link was away since. */
  readonly isDoubtful: boolean;
}

export const NOBODY: Discovery = { neighbour: undefined, heardAtMs: 0, isDoubtful: false };

export function heard(d: Discovery, from: Ip, nowMs: number, hasSession: boolean): Discovery {
  const isGone = d.isDoubtful || (!hasSession && nowMs - d.heardAtMs >= SILENCE_MS);
  return d.neighbour === undefined || d.neighbour === from || isGone ? { neighbour: from, heardAtMs: nowMs, isDoubtful: false } : d;
}

/**
 * An advertisement that makes no default router of us (lifetime 0) and says nothing about hop limit, timers or prefixes:
 * hosts on the link change nothing for it. All that it tells is our link-local address.
 */
export const advertisement = (): Uint8Array => Uint8Array.of(ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

export const solicitation = (): Uint8Array => Uint8Array.of(SOLICITATION, 0, 0, 0, 0, 0, 0, 0);

/** RFC 4861 §6.1: undefined for what must be discarded. Hop limit, checksum and code are the kernel's to check. */
export function routerMessage(message: Uint8Array, from: Ip): 'solicitation' | 'advertisement' | undefined {
  switch (message[0]) {
    case SOLICITATION: return message.length >= 8 && hasGoodOptions(message, 8) ? 'solicitation' : undefined;
    case ADVERTISEMENT: return message.length >= 16 && isLinkLocal(from) && hasGoodOptions(message, 16) ? 'advertisement' : undefined;
    default: return undefined;
  }
}

/** Each option is a type, and a length in units of 8 octets that is not 0. */
function hasGoodOptions(message: Uint8Array, from: number): boolean {
  let at = from;
  while (at + 2 <= message.length && message[at + 1]! > 0) at += message[at + 1]! * 8;
  return at === message.length;
}

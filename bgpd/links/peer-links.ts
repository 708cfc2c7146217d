/** Peers that are not configured one by one, and what each kind of peer demands of its link. */
import type { DynamicPeers, PeerConfig, PeersSection, UnnumberedPeer } from '../../config/messages/speaker-config.ts';
import type { Problem } from '../../lib/errors.ts';
import { containsAddress, hostPrefix, lengthOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { ip, prefix, showIp, showPrefix } from '../../lib/ip/text.ts';
import type { LinkDemand } from '../ports.ts';
import { isLinkLocal } from '../rib/next-hop.ts';
import type { AwaitedPeer } from '../session/restarting-speaker.ts';

/** RFC 9687 §4.3: what cannot be sent for so long, or for two hold times, ends the session. */
const SEND_HOLD_MS = 480_000;

/** The prefixes from which anybody may dial us. */
export class Ranges {
  /** Longest prefix first. */
  readonly #ranges: readonly (readonly [Prefix, DynamicPeers])[];

  constructor(dynamic: readonly DynamicPeers[]) {
    this.#ranges = dynamic.map((range) => [prefix(range.prefix), range] as const).sort(([a], [b]) => lengthOf(b) - lengthOf(a));
  }

  /** The range that an address belongs to: that of the longest prefix. */
  find(address: Ip): DynamicPeers | undefined { return this.#ranges.find(([p]) => containsAddress(p, address))?.[1]; }
}

/** `link`: the interface that the neighbour dialled over, when its address is a link-local one. */
export function dynamicPeer({ name, template }: DynamicPeers, address: Ip, link: string | undefined): PeerConfig {
  const text = showIp(address);
  return isLinkLocal(address) && link !== undefined
    ? { ...template, name: `${name}_${text}%${link}`, address: text, passive: true, interface: link }
    : { ...template, name: `${name}_${text}`, address: text, passive: true };
}

export const unnumberedPeer = (peer: UnnumberedPeer, address: string): PeerConfig =>
  ({ ...peer.template, name: peer.name, address, interface: peer.interface });

/**
 * Whose End-of-RIB a restarting speaker waits for. Nobody knows who of a range was there: it is waited for as a whole, until
 * the deferral timer ends. Who is held down will not come.
 */
export const awaitedPeers = ({ peers, unnumbered = [], dynamic = [] }: PeersSection): AwaitedPeer[] =>
  [...peers, ...[...unnumbered, ...dynamic].map(({ name, template }) => ({ ...template, name }))].filter((p) => p.shutdown === undefined);

/** What the kernel must know before a segment of these peers, and of those to come, arrives. */
export function demandsOf(peers: readonly PeerConfig[], dynamic: readonly DynamicPeers[]): LinkDemand[] {
  return [
    ...peers.map((peer) => demandFor(peer.name, hostPrefix(ip(peer.address)), peer, peer.interface)),
    ...dynamic.map(({ name, template, prefix: text }) => demandFor(name, prefix(text), template, undefined)),
  ];
}

function demandFor(name: string, prefix: Prefix, peer: Omit<PeerConfig, 'name' | 'address'>, link: string | undefined): LinkDemand {
  return {
    name, prefix, interface: link, key: peer.password, hops: peer.ttlSecurityHops,
    patienceMs: Math.max(SEND_HOLD_MS, 2_000 * peer.holdTimeSeconds),
  };
}

/** The kernel cannot except an address from a prefix that has a key, nor tell interfaces apart. */
export function keyConflicts(peers: readonly PeerConfig[], ranges: Ranges): Problem[] {
  const keys = new Map<Ip, string | undefined>();
  return peers.flatMap(({ name, address, password }) => {
    const packed = ip(address);
    const range = ranges.find(packed);
    const path = `peers/${name}.password`;
    if (password === undefined && range?.template.password !== undefined) {
      return [{ path, message: `there is none, but ${showPrefix(prefix(range.prefix))} has one (${range.name}): connections that this peer makes are dropped; ours work, unless it has a password for us. Expected the same password for both` }];
    }
    if (keys.has(packed) && keys.get(packed) !== password) {
      return [{ path, message: `it differs from that of the same link-local address on another interface: expected one for both` }];
    }
    keys.set(packed, password);
    return [];
  });
}

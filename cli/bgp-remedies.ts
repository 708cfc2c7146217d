/** Why a BGP session is not up, in words, and what a person can do about it. Pure: reads what the agent's status says. */
import type { PeerDetail } from '../config/messages/bgpd-control.ts';

export interface Diagnosis { readonly why: string; readonly remedy: string }

type Facts = Pick<PeerDetail, 'state' | 'info' | 'address' | 'port' | 'localAsn' | 'asn' | 'md5' | 'ttlSecurityHops' | 'passive' | 'maximumPrefixes' | 'shutdown' | 'lastError'>;

type Cause = readonly [words: RegExp, why: (p: Facts) => string, remedy: (p: Facts) => string];

/** What the kernel has counted explains silence better than any word of before. */
const PASSWORDS: Cause = [/MD5 key mismatch|signed segments are dropped/i,
  (p) => (p.md5 ? 'the neighbour signs with another password than ours, or with none' : 'the neighbour demands a password that we do not have'),
  () => 'compare the Secret of the BGPPeer with the neighbour\'s password; an end of line counts'];

/** Ordered: the first line whose words are in the last failure explains it. */
const CAUSES: readonly Cause[] = [
  [/connection refused/i,
    (p) => `nothing accepts connections at ${p.address} port ${p.port}, or the neighbour does not know our address`,
    (p) => `check that BGP runs there, listens on port ${p.port}, and has this node as a neighbour${p.md5 ? '' : '; if it wants a password, some stacks refuse without one'}`],
  [/no route to host|network is unreachable|network is down/i,
    (p) => `this node has no way to ${p.address}`,
    (p) => `check the node's addresses and routes: ip route get ${p.address}. A neighbour that is not on a link of ours can be made reachable with reachableBy`],
  [/cannot assign requested address/i,
    () => 'the source address of the session is not an address of this node',
    () => 'check sourceAddress of the BGPPeer and the IPv4Address or IPv6Address annotation of the node'],
  [/timed out/i,
    (p) => (p.md5 ? 'connections are not answered: packets are lost on the way, or the passwords differ (MD5 mismatches are dropped in silence)'
      : p.ttlSecurityHops !== null ? 'connections are not answered: packets are lost on the way, or the neighbour is farther away than ttlSecurity allows'
        : 'connections are not answered: packets are lost on the way, or the neighbour demands a password (MD5) that we do not have'),
    (p) => (p.md5 ? 'compare the password with the neighbour\'s; nstat -az TcpExtTCPMD5Failure and TcpExtTCPMD5NotFound count mismatches on each side'
      : p.ttlSecurityHops !== null ? `count the hops to ${p.address}; ttlSecurity is ${p.ttlSecurityHops}, and the neighbour must send with TTL 255`
        : `check firewalls for TCP port ${p.port}, and whether the neighbour has a password for us`)],
  [/maximum number of prefixes|prefixes received/i,
    (p) => (p.maximumPrefixes === null ? 'the neighbour takes no more prefixes from us than its limit' : `more prefixes came than the limit of ${p.maximumPrefixes.limit}`),
    (p) => (p.maximumPrefixes === null ? 'see what we announce: tortiectl bgp advertised; raise the limit there' : 'see what it sends: tortiectl bgp received; then raise the limit, or tortiectl bgp clear')],
  [/bad peer as|AS number|peer AS/i,
    (p) => `the two sides disagree on AS numbers: here the local AS is ${p.localAsn}${p.asn === 0 ? '' : ` and the neighbour is expected in AS ${p.asn}`}`,
    () => 'compare asNumber and localASNumber of the BGPPeer, and the node\'s AS number, with the neighbour\'s configuration'],
  [/bad bgp identifier|identifier/i,
    () => 'the router IDs are not acceptable: both sides have the same, or one is 0.0.0.0',
    () => 'give this node another IPv4 address annotation, or routerId'],
  [/unacceptable hold time/i, () => 'the hold time offered is refused', () => 'use 0 or at least 3 seconds on both sides'],
  [/unsupported capability/i, () => 'one side insists on a capability that the other one lacks', () => 'compare the capabilities below; strict roles and families are the usual reasons'],
  [/role mismatch/i, () => 'the BGP roles of both sides do not fit (RFC 9234)', () => 'a provider needs a customer, a peer a peer, a route server its client'],
  [/hold timer/i,
    () => 'nothing was heard for the hold time: the neighbour or the path to it is dead or overloaded',
    (p) => `ping ${p.address}; check for packet loss, an MTU that is too large for one of the links, and the neighbour's load`],
  [/administrative shutdown/i,
    (p) => `an operator of the neighbour has shut the session down${/\("(.*)"\)/.exec(p.info) === null ? '' : `: ${/\("(.*)"\)/.exec(p.info)![1]!}`}`,
    () => 'ask there, or wait'],
  [/administrative reset/i, () => 'an operator has reset the session', () => 'it comes back by itself'],
  [/peer de-?configured/i, () => 'the neighbour has no such session in its configuration any more', () => 'add this node there, or delete the BGPPeer'],
  [/connection rejected/i, () => 'the neighbour does not want a session with this node', () => 'check the neighbour\'s list of peers, and from which address we dial'],
  [/collision/i, () => 'two connections came up at once and one was given up', () => 'it comes back by itself'],
  [/closed|reset by peer|broken pipe/i,
    (p) => `the neighbour ended the connection without saying why${p.ttlSecurityHops === null ? '' : ' (ttlSecurity is on here: it must be on there too)'}`,
    () => 'look at the neighbour\'s log: it has restarted, or it knows no session with our address or AS number'],
];

/** Undefined: it is up. */
export function diagnose(peer: Facts): Diagnosis | undefined {
  if (peer.state === 'Established') return undefined;
  if (peer.shutdown !== undefined) {
    return { why: `an operator of ours holds it down${peer.shutdown === '' ? '' : `: ${JSON.stringify(peer.shutdown)}`}`, remedy: 'tortiectl bgp enable, or tortiectl node undrain where the whole node is drained' };
  }
  const said = peer.info === '' ? peer.lastError ?? '' : peer.info;
  // Dials that are refused after a NOTIFICATION tell less than it did.
  const last = /\(last: (.*)\)/.exec(said)?.[1] ?? '';
  const found = PASSWORDS[0].test(said) ? PASSWORDS : CAUSES.find(([words]) => words.test(last)) ?? CAUSES.find(([words]) => words.test(said));
  if (found !== undefined) return { why: found[1](peer), remedy: found[2](peer) };
  if (said !== '') return { why: said, remedy: 'see the errors below' };
  return peer.passive
    ? { why: 'it waits for the neighbour to dial, which has not happened yet', remedy: `check that ${peer.address} has this node as a neighbour and is not passive itself` }
    : { why: 'it has only just begun', remedy: 'ask again in a few seconds' };
}

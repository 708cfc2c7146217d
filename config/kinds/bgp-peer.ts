/** BGPPeer: sessions beside or instead of the mesh. */
import type { Ip } from '../../lib/ip/prefix.ts';
import { specialKindOf } from '../../lib/ip/special.ts';
import { parseIp } from '../../lib/ip/text.ts';
import { bool, choice, integer, shown, text, type Optional } from '../schema/schema.ts';
import { asNumber, duration, ipAddress, secretKeyRef, selector } from '../schema/scalars.ts';
import { list, object, type Rule } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

export interface PeerAddress { readonly address: Ip; /** TCP port, when one is written. */ readonly port?: number }

/** `192.0.2.1`, `192.0.2.1:1790`, `fd00::1`, `[fd00::1]:1790`; undefined for anything else. */
export function parsePeerAddress(written: string): PeerAddress | undefined {
  const bare = parseIp(written);
  if (bare !== undefined) return { address: bare };
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(written);
  const address = parts === null ? undefined : parseIp(parts[1] ?? parts[2]!);
  const port = Number(parts?.[3]);
  if (address === undefined || port < 1 || port > 65535) return undefined;
  return (typeof address === 'bigint') === (parts![1] !== undefined) ? { address, port } : undefined;
}

const peerAddress = text({
  noun: 'a peer address', expected: 'text like 192.0.2.1, 192.0.2.1:179 or [fd00::1]:179', maxLength: 64,
  check: (t) => t === '' || parsePeerAddress(t) !== undefined,
});

/** The address of one other machine: a session with any other would never come up. */
const peerIP: Optional<string> = {
  ...peerAddress,
  read: (input, path, problems) => {
    const written = peerAddress.read(input, path, problems);
    const address = written === undefined ? undefined : parsePeerAddress(written)?.address;
    const special = address === undefined ? undefined : specialKindOf(address);
    if (special === undefined) return written;
    problems.push({ path, message: `${shown(input)} is ${special}: expected the unicast address of a router` });
    return undefined;
  },
};

const fields = {
  node: text({ maxLength: 253 }),
  nodeSelector: selector(),
  peerIP,
  asNumber,
  localASNumber: asNumber,
  peerSelector: selector(),
  keepOriginalNextHop: bool,
  nextHopMode: choice('a next hop mode', ['Auto', 'Self', 'Keep']),
  password: secretKeyRef,
  sourceAddress: choice('a source address', ['UseNodeIP', 'None']),
  maxRestartTime: duration(),
  keepaliveTime: duration(),
  numAllowedLocalASNumbers: integer({ noun: 'a count', minimum: 0, maximum: 2147483647, format: 'int32', unstated: true }),
  ttlSecurity: integer({ noun: 'a number of hops', minimum: 0, maximum: 255, unstated: true }),
  reachableBy: ipAddress(undefined, 64),
  filters: list(text(), { type: 'atomic' }),
  localWorkloadSelector: selector(),
  reversePeering: choice('a reverse peering', ['Auto', 'Manual']),
};

interface PeerFields {
  readonly node?: string; readonly nodeSelector?: string; readonly peerIP?: string; readonly peerSelector?: string;
  readonly asNumber?: number; readonly localWorkloadSelector?: string; readonly reachableBy?: string;
  readonly keepOriginalNextHop?: boolean; readonly nextHopMode?: string;
}

/** Calico treats empty text as absent. */
const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';
const set = (field: string): string => `(has(self.${field}) && self.${field} != '')`;
const FORBIDDEN = { reason: 'FieldValueForbidden' } as const;

/** At most one of two texts. */
const either = (a: 'node' | 'peerIP' | 'localWorkloadSelector', b: 'nodeSelector' | 'peerSelector' | 'peerIP', why: string): Rule<PeerFields> => ({
  ...FORBIDDEN, at: b, message: `${a} and ${b} are both set: expected one of them${why}`,
  cel: `!${set(a)} || !${set(b)}`, holds: (p) => !isSet(p[a]) || !isSet(p[b]),
});

const rules: readonly Rule<PeerFields>[] = [
  either('node', 'nodeSelector', ', or neither for a global peer'),
  either('peerIP', 'peerSelector', ''),
  { ...FORBIDDEN, at: 'asNumber', message: 'peerSelector takes AS numbers from the nodes: expected no asNumber beside it',
    cel: `!${set('peerSelector')} || !has(self.asNumber)`, holds: (p) => !isSet(p.peerSelector) || p.asNumber === undefined },
  either('localWorkloadSelector', 'peerIP', ''),
  either('localWorkloadSelector', 'peerSelector', ''),
  { reason: 'FieldValueInvalid', at: 'asNumber', message: 'missing: expected the AS number of the workloads beside localWorkloadSelector',
    cel: `!${set('localWorkloadSelector')} || has(self.asNumber)`,
    holds: (p) => !isSet(p.localWorkloadSelector) || p.asNumber !== undefined },
  { ...FORBIDDEN, at: 'reachableBy', message: 'a gateway without a peer behind it: expected peerIP beside reachableBy',
    cel: `!${set('reachableBy')} || ${set('peerIP')}`, holds: (p) => !isSet(p.reachableBy) || isSet(p.peerIP) },
  { ...FORBIDDEN, at: 'keepOriginalNextHop', message: 'keepOriginalNextHop and nextHopMode are both set: expected nextHopMode alone',
    cel: '!has(self.keepOriginalNextHop) || !self.keepOriginalNextHop || !has(self.nextHopMode)',
    holds: (p) => p.keepOriginalNextHop !== true || p.nextHopMode === undefined },
];

export const BGP_PEER = kind({
  kind: 'BGPPeer', plural: 'bgppeers', singular: 'bgppeer',
  spec: object(fields, { rules }),
  columns: [
    { name: 'Node Selector', type: 'string', jsonPath: '.spec.nodeSelector' },
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'Local ASN', type: 'string', jsonPath: '.spec.localASNumber' },
    { name: 'Peer Selector', type: 'string', jsonPath: '.spec.peerSelector' },
    { name: 'Peer IP', type: 'string', jsonPath: '.spec.peerIP' },
    { name: 'Peer ASN', type: 'string', jsonPath: '.spec.asNumber' },
  ],
});
export type BGPPeer = ResourceOf<typeof BGP_PEER>;

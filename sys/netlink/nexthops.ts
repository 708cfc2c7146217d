/** Nexthop objects and groups: routes can share one, so that losing a path is one message for all of them. */
import type { Ip } from '../../lib/ip/prefix.ts';
import { AF_INET, AF_INET6 } from '../native.ts';
import type { NetlinkReader, NetlinkWriter } from './codec.ts';
import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket, type Refusal } from './socket.ts';

const RTM_NEWNEXTHOP = 104;
const RTM_DELNEXTHOP = 105;
const RTM_GETNEXTHOP = 106;
const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;
const AF_UNSPEC = 0;
/** `struct nexthop_grp`: id, weight - 1, two reserved. */
const GROUP_ENTRY_BYTES = 8;

/**
 * One nexthop object or a group of them.
 *
 * On loss of carrier the kernel silently deletes single objects of that link, and groups left without a member, with
 * all their routes: use groups only with members on different links.
 */
export type Nexthop =
  | { readonly kind: 'single'; readonly id: number; readonly protocol: number; readonly gateway: Ip; readonly interfaceIndex: number }
  | { readonly kind: 'group'; readonly id: number; readonly protocol: number; readonly members: readonly NexthopMember[] };

export interface NexthopMember {
  readonly id: number;
  /** 1..256. */
  readonly weight: number;
}

/** Creates or replaces, singles before the groups that name them. Replacing a group costs time for every route through it. */
export const putNexthops = (socket: NetlinkSocket, nexthops: readonly Nexthop[]): Refusal[] =>
  socket.transact(nexthops.length, (w, i) => { writeNexthop(w, nexthops[i]!); });

/** Deletes; an absent one is success. Its routes and memberships go with it. */
export function deleteNexthops(socket: NetlinkSocket, ids: readonly number[]): Refusal[] {
  return socket.transact(ids.length, (w, i) => {
    w.begin(RTM_DELNEXTHOP, 0);
    writeHeader(w, AF_UNSPEC, 0);
    w.attributeU32(NHA_ID, ids[i]!);
  }).filter((r) => r.code !== 'ENOENT');
}

/** All objects of one protocol: the kernel cannot narrow this dump. Blackholes and objects of other kinds are left out. */
export function listNexthops(socket: NetlinkSocket, protocol: number): Nexthop[] {
  return socket.dump((w) => {
    w.begin(RTM_GETNEXTHOP, 0);
    writeHeader(w, AF_UNSPEC, 0);
  }, (type, reader) => (type === RTM_NEWNEXTHOP ? readNexthop(reader, protocol) : undefined));
}

function writeNexthop(w: NetlinkWriter, nexthop: Nexthop): void {
  w.begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE);
  if (nexthop.kind === 'single') {
    writeHeader(w, typeof nexthop.gateway === 'number' ? AF_INET : AF_INET6, nexthop.protocol);
    w.attributeU32(NHA_ID, nexthop.id);
    w.attributeU32(NHA_OIF, nexthop.interfaceIndex);
    w.attributeIp(NHA_GATEWAY, nexthop.gateway);
    return;
  }
  writeHeader(w, AF_UNSPEC, nexthop.protocol);
  w.attributeU32(NHA_ID, nexthop.id);
  const at = w.open(NHA_GROUP);
  for (const { id, weight } of nexthop.members) {
    w.u32(id); w.u8(weight - 1); w.u8(0); w.u16(0);
  }
  w.close(at);
}

/** `struct nhmsg`. */
function writeHeader(w: NetlinkWriter, family: number, protocol: number): void {
  w.u8(family); w.u8(0); w.u8(protocol); w.u8(0); w.u32(0);
}

function readNexthop(r: NetlinkReader, wanted: number): Nexthop | undefined {
  r.skip(2);
  const protocol = r.u8();
  r.skip(5);
  if (protocol !== wanted) return undefined;
  let id = 0;
  let interfaceIndex = 0;
  let gateway: Ip | undefined;
  let members: NexthopMember[] | undefined;
  while (r.next()) {
    switch (r.type) {
      case NHA_ID: id = r.valueU32(); break;
      case NHA_OIF: interfaceIndex = r.valueU32(); break;
      case NHA_GATEWAY: gateway = r.valueIp(); break;
      case NHA_GROUP: members = readMembers(r.valueReader()); break;
      default:
    }
  }
  if (members) return { kind: 'group', id, protocol, members };
  return gateway === undefined ? undefined : { kind: 'single', id, protocol, gateway, interfaceIndex };
}

function readMembers(r: NetlinkReader): NexthopMember[] {
  const members: NexthopMember[] = [];
  while (r.end - r.at >= GROUP_ENTRY_BYTES) {
    const id = r.u32();
    const weight = r.u8() + 1;
    r.skip(3);
    members.push({ id, weight });
  }
  return members;
}

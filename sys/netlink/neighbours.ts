/** Neighbour entries: permanent ones, and the proxy entries for which the kernel answers in another's name. */
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { AF_INET, AF_INET6 } from '../native.ts';
import type { AttributeTable, NetlinkReader, NetlinkWriter } from './codec.ts';
import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket } from './socket.ts';

export const RTM_NEWNEIGH = 28;
const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

const NEIGHBOUR = {
  address: { type: 1, kind: 'ip' },
  mac: { type: 2, kind: 'mac' },
} as const satisfies AttributeTable;
const NUD_PERMANENT = 0x80;
const NTF_PROXY = 0x08;

export interface Neighbour {
  readonly interfaceIndex: number;
  readonly address: Ip;
  /** Undefined while it is being resolved, and for proxy entries. */
  readonly mac: string | undefined;
  readonly permanent: boolean;
  readonly proxy: boolean;
}

export interface NeighbourKey { readonly interfaceIndex: number; readonly address: Ip }

/** Entries of one family; with `proxy`, the proxy entries instead (a different table of the kernel). */
export function listNeighbours(socket: NetlinkSocket, filter: { readonly family: Family; readonly proxy?: boolean }): Neighbour[] {
  return socket.dump((w) => {
    w.begin(RTM_GETNEIGH, 0);
    writeHeader(w, filter.family === 'ipv4' ? AF_INET : AF_INET6, 0, 0, filter.proxy === true ? NTF_PROXY : 0);
  }, (type, reader) => (type === RTM_NEWNEIGH ? readNeighbour(reader) : undefined));
}

/** A permanent entry; replaces what is there. Throws OperationError NEIGHBOUR_PUT. */
export function putNeighbour(socket: NetlinkSocket, entry: NeighbourKey & { readonly mac: string }): void {
  socket.request('NEIGHBOUR_PUT', detailsOf(entry), (w) => {
    w.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    writeHeader(w, familyNumber(entry.address), entry.interfaceIndex, NUD_PERMANENT, 0);
    w.attributes(NEIGHBOUR, { address: entry.address, mac: entry.mac });
  });
}

/** The kernel answers ARP or neighbour solicitations for the address on this link. Throws OperationError NEIGHBOUR_PUT. */
export function putProxyNeighbour(socket: NetlinkSocket, key: NeighbourKey): void {
  socket.request('NEIGHBOUR_PUT', { ...detailsOf(key), proxy: true }, (w) => {
    w.begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    writeHeader(w, familyNumber(key.address), key.interfaceIndex, NUD_PERMANENT, NTF_PROXY);
    w.attributes(NEIGHBOUR, { address: key.address });
  });
}

/** An absent entry is success. Throws OperationError NEIGHBOUR_DELETE. */
export function deleteNeighbour(socket: NetlinkSocket, key: NeighbourKey & { readonly proxy?: boolean }): void {
  socket.request('NEIGHBOUR_DELETE', detailsOf(key), (w) => {
    w.begin(RTM_DELNEIGH, 0);
    writeHeader(w, familyNumber(key.address), key.interfaceIndex, 0, key.proxy === true ? NTF_PROXY : 0);
    w.attributes(NEIGHBOUR, { address: key.address });
  }, ['ENOENT', 'ENODEV']);
}

const detailsOf = (key: NeighbourKey): Readonly<Record<string, unknown>> => ({ address: showIp(key.address), interfaceIndex: key.interfaceIndex });
const familyNumber = (address: Ip): number => (typeof address === 'number' ? AF_INET : AF_INET6);

/** `struct ndmsg`. */
function writeHeader(w: NetlinkWriter, family: number, interfaceIndex: number, state: number, flags: number): void {
  w.u32(family); w.u32(interfaceIndex); w.u16(state); w.u8(flags); w.u8(0);
}

function readNeighbour(r: NetlinkReader): Neighbour | undefined {
  r.skip(4);
  const interfaceIndex = r.u32();
  const state = r.u16();
  const flags = r.u8();
  r.skip(1);
  const { address, mac } = r.attributes(NEIGHBOUR);
  if (address === undefined) return undefined;
  return { interfaceIndex, address, mac, permanent: (state & NUD_PERMANENT) !== 0, proxy: (flags & NTF_PROXY) !== 0 };
}

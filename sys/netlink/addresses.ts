/** Addresses of links. */
import type { Family, Ip } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { AF_INET, AF_INET6 } from '../native.ts';
import type { AttributeTable, NetlinkReader, NetlinkWriter } from './codec.ts';
import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket } from './socket.ts';

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const ADDRESS = {
  /** The peer's on point-to-point links, else the same as `local`. IPv6 has only this one there. */
  address: { type: 1, kind: 'ip' },
  local: { type: 2, kind: 'ip' },
  cacheInfo: { type: 6, kind: 'bytes' },
  flags: { type: 8, kind: 'u32' },
} as const satisfies AttributeTable;
const HOST_SCOPE = 254;
/** `struct ifa_cacheinfo`: preferred for no time, valid for ever; two time stamps that only the kernel writes. */
const DEPRECATED = Uint8Array.from([0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
const IFA_F_NODAD = 0x02;
const IFA_F_NOPREFIXROUTE = 0x200;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_DADFAILED = 0x08;

export interface LinkAddress {
  readonly interfaceIndex: number;
  readonly address: Ip;
  readonly length: number;
  /** RT_SCOPE: 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** IPv6: duplicate address detection is running, or has failed. */
  readonly tentative: boolean;
}

export interface AddressSettings {
  readonly interfaceIndex: number;
  readonly address: Ip;
  readonly length: number;
  /** 0 (global) unless said. */
  readonly scope?: number;
  /** IPv6: usable at once, without duplicate address detection. */
  readonly noDad?: boolean;
  /** What the node sends by other links does not get this source: IPv4 by host scope, IPv6 by being deprecated (RFC 4862 §5.5.4). */
  readonly neverSource?: boolean;
  /** No connected route is made. */
  readonly noPrefixRoute?: boolean;
}

export function listAddresses(socket: NetlinkSocket, filter: { readonly family?: Family; readonly interfaceIndex?: number } = {}): LinkAddress[] {
  return socket.dump((w) => {
    w.begin(RTM_GETADDR, 0);
    const family = filter.family === undefined ? 0 : filter.family === 'ipv4' ? AF_INET : AF_INET6;
    writeHeader(w, family, 0, 0, 0, filter.interfaceIndex ?? 0);
  }, (type, reader) => (type === RTM_NEWADDR ? readAddress(reader) : undefined));
}

/** Adds, or changes what is there. Throws OperationError ADDRESS_PUT. */
export function putAddress(socket: NetlinkSocket, settings: AddressSettings): void {
  const { address, interfaceIndex, length } = settings;
  const flags = (settings.noDad === true ? IFA_F_NODAD : 0) | (settings.noPrefixRoute === true ? IFA_F_NOPREFIXROUTE : 0);
  const isHidden = settings.neverSource === true && typeof address === 'number';
  socket.request('ADDRESS_PUT', { address: showIp(address), length, interfaceIndex }, (w) => {
    w.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    writeHeader(w, familyNumber(address), length, flags & 0xff, settings.scope ?? (isHidden ? HOST_SCOPE : 0), interfaceIndex);
    w.attributes(ADDRESS, { address, local: address, flags, ...(settings.neverSource === true && !isHidden ? { cacheInfo: DEPRECATED } : {}) });
  });
}

/** An absent address is success. Throws OperationError ADDRESS_DELETE. */
export function deleteAddress(socket: NetlinkSocket, key: Pick<AddressSettings, 'interfaceIndex' | 'address' | 'length'>): void {
  socket.request('ADDRESS_DELETE', { address: showIp(key.address), interfaceIndex: key.interfaceIndex }, (w) => {
    w.begin(RTM_DELADDR, 0);
    writeHeader(w, familyNumber(key.address), key.length, 0, 0, key.interfaceIndex);
    w.attributes(ADDRESS, { address: key.address, local: key.address });
  }, ['EADDRNOTAVAIL', 'ENODEV']);
}

const familyNumber = (address: Ip): number => (typeof address === 'number' ? AF_INET : AF_INET6);

/** `struct ifaddrmsg`. */
function writeHeader(w: NetlinkWriter, family: number, length: number, flags: number, scope: number, interfaceIndex: number): void {
  w.u8(family); w.u8(length); w.u8(flags); w.u8(scope); w.u32(interfaceIndex);
}

/** Reads `struct ifaddrmsg` and attributes, of an answer or an event; undefined for other families. */
export function readAddress(r: NetlinkReader): LinkAddress | undefined {
  r.skip(1);
  const length = r.u8();
  r.skip(1);
  const scope = r.u8();
  const interfaceIndex = r.u32();
  const { local, address, flags = 0 } = r.attributes(ADDRESS);
  const own = local ?? address;
  if (own === undefined) return undefined;
  return { interfaceIndex, address: own, length, scope, tentative: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0 };
}

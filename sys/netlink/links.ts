/** Links: veth pairs (the peer made inside another network namespace), bridges, and changes to any link. */
import type { NetlinkReader, NetlinkWriter, AttributeTable, Attributes } from './codec.ts';
import { NLM_F_CREATE, NLM_F_EXCL, type NetlinkSocket } from './socket.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const AF_UNSPEC = 0;
const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;

const VETH_PEER = 1;
const LINK_KIND = { kind: { type: 1, kind: 'text' } } as const satisfies AttributeTable;
const LINK = {
  mac: { type: 1, kind: 'mac' },
  name: { type: 3, kind: 'text' },
  mtu: { type: 4, kind: 'u32' },
  /** For a veth: index of its peer, in the namespace `peerNamespaceId` when that is there. */
  link: { type: 5, kind: 'u32' },
  master: { type: 10, kind: 'u32' },
  kind: { type: 18, kind: 'nested', table: LINK_KIND },
  alias: { type: 20, kind: 'text' },
  namespaceFd: { type: 28, kind: 'u32' },
  peerNamespaceId: { type: 37, kind: 'u32' },
} as const satisfies AttributeTable;
const IFLA_LINKINFO = 18;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_KIND = 1;
const IFLA_EXT_MASK = 29;
/** Leaves the long statistics of virtual functions out of answers. */
const RTEXT_FILTER_SKIP_STATS = 8;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `veth`, `bridge`, …; undefined for hardware and loopback. */
  readonly kind: string | undefined;
  readonly mac: string | undefined;
  readonly mtu: number;
  readonly alias: string | undefined;
  /** Administratively up. */
  readonly up: boolean;
  /** Has carrier (and is up). */
  readonly carrier: boolean;
  readonly masterIndex: number | undefined;
  /** Of a veth: the peer's index in its own namespace. */
  readonly peerIndex: number | undefined;
}

/** What can be set on a link; absent fields stay as they are. */
export interface LinkSettings {
  readonly name?: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Up to 255 bytes. */
  readonly alias?: string;
  readonly up?: boolean;
  /** Interface index of a bridge; 0 takes it out. */
  readonly masterIndex?: number;
  /** Moves the link into the network namespace of this file descriptor. */
  readonly namespaceFd?: number;
}

export interface VethSettings extends LinkSettings {
  readonly name: string;
  /** Its other end. It cannot be `up` at once: its own partner does not exist yet when it is made. */
  readonly peer: Omit<LinkSettings, 'up' | 'alias' | 'masterIndex'> & { readonly name: string };
}

export function listLinks(socket: NetlinkSocket): Link[] {
  return socket.dump((w) => {
    w.begin(RTM_GETLINK, 0);
    writeLinkHeader(w, 0, undefined);
    w.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  }, (type, reader) => (type === RTM_NEWLINK ? readLink(reader) : undefined));
}

/** Undefined when there is none of this name. */
export const linkByName = (socket: NetlinkSocket, name: string): Link | undefined => getLink(socket, 0, name);

/** Undefined when there is none with this index. */
export const linkByIndex = (socket: NetlinkSocket, index: number): Link | undefined => getLink(socket, index, undefined);

function getLink(socket: NetlinkSocket, index: number, name: string | undefined): Link | undefined {
  return socket.get('LINK_GET', { index, name }, (w) => {
    w.begin(RTM_GETLINK, 0);
    writeLinkHeader(w, index, undefined);
    w.attributes(LINK, { name });
    w.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  }, (_type, reader) => readLink(reader), ['ENODEV']);
}

/** Creates a veth pair, both ends with their settings, in one message (and one for an alias). Throws OperationError LINK_CREATE (details.errno `EEXIST` when a name is taken). */
export function createVeth(socket: NetlinkSocket, settings: VethSettings): void {
  socket.request('LINK_CREATE', { name: settings.name, kind: 'veth', peer: settings.peer.name }, (w) => {
    w.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    writeLinkHeader(w, 0, settings.up);
    w.attributes(LINK, attributesOf(settings));
    const info = w.open(IFLA_LINKINFO);
    w.attributeText(IFLA_INFO_KIND, 'veth');
    const inner = w.open(IFLA_INFO_DATA);
    const peer = w.open(VETH_PEER);
    writeLinkHeader(w, 0, undefined);
    w.attributes(LINK, attributesOf(settings.peer));
    w.close(peer);
    w.close(inner);
    w.close(info);
  });
  setAlias(socket, settings);
}

/** The kernel passes over an alias in the message that creates a link. */
function setAlias(socket: NetlinkSocket, { name, alias }: LinkSettings & { readonly name: string }): void {
  if (alias === undefined) return;
  socket.request('LINK_SET', { name, alias }, (w) => {
    w.begin(RTM_NEWLINK, 0);
    writeLinkHeader(w, 0, undefined);
    w.attributes(LINK, { name, alias });
  });
}

/** Creates a link without settings of its own kind (`bridge`, `ifb`). Throws OperationError LINK_CREATE. */
export function createLink(socket: NetlinkSocket, kind: string, settings: LinkSettings & { readonly name: string }): void {
  socket.request('LINK_CREATE', { name: settings.name, kind }, (w) => {
    w.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    writeLinkHeader(w, 0, settings.up);
    w.attributes(LINK, { ...attributesOf(settings), kind: { kind } });
  });
  setAlias(socket, settings);
}

/** Changes a link. Throws OperationError LINK_SET. */
export function setLink(socket: NetlinkSocket, index: number, settings: LinkSettings): void {
  socket.request('LINK_SET', { index, ...settings }, (w) => {
    w.begin(RTM_NEWLINK, 0);
    writeLinkHeader(w, index, settings.up);
    w.attributes(LINK, attributesOf(settings));
  });
}

/** Deletes by index or name; an absent link is success. A veth takes 20 ms and its peer with it. Throws LINK_DELETE. */
export function deleteLink(socket: NetlinkSocket, link: number | string): void {
  socket.request('LINK_DELETE', { link }, (w) => {
    w.begin(RTM_DELLINK, 0);
    writeLinkHeader(w, typeof link === 'number' ? link : 0, undefined);
    if (typeof link === 'string') w.attributes(LINK, { name: link });
  }, ['ENODEV']);
}

function attributesOf(settings: LinkSettings): Attributes<typeof LINK> {
  return {
    name: settings.name, mac: settings.mac, mtu: settings.mtu, alias: settings.alias,
    master: settings.masterIndex, namespaceFd: settings.namespaceFd,
  };
}

/** `struct ifinfomsg`; `up` undefined leaves the flag alone. */
function writeLinkHeader(w: NetlinkWriter, index: number, up: boolean | undefined): void {
  w.u32(0);
  w.u32(index);
  w.u32(up === true ? IFF_UP : 0);
  w.u32(up === undefined ? 0 : IFF_UP);
}

/** Reads `struct ifinfomsg` and attributes, of an answer or an event; undefined for events of a bridge about its ports. */
export function readLink(r: NetlinkReader): Link | undefined {
  if (r.u8() !== AF_UNSPEC) return undefined;
  r.skip(3);
  const index = r.u32();
  const flags = r.u32();
  r.skip(4);
  const a = r.attributes(LINK);
  return {
    index, name: a.name ?? '', kind: a.kind?.kind, mac: a.mac, mtu: a.mtu ?? 0, alias: a.alias,
    up: (flags & IFF_UP) !== 0, carrier: (flags & IFF_UP) !== 0 && (flags & IFF_LOWER_UP) !== 0,
    masterIndex: a.master, peerIndex: a.kind?.kind === 'veth' ? a.link : undefined,
  };
}

/** Router advertisements over raw ICMPv6 sockets, and the kernel's news of links (`RouterDiscoveryPort`). */
import { RTM_DELLINK, RTM_NEWLINK, readLink } from '../sys/netlink/links.ts';
import { GROUP, NetlinkMonitor } from '../sys/netlink/monitor.ts';
import { interfaceIndexOf } from '../sys/native.ts';
import { openIcmp6 } from '../sys/icmp6.ts';
import { advertisement, ALL_NODES, ALL_ROUTERS, routerMessage, solicitation } from './links/discovery.ts';
import type { RouterDiscoveryPort, RouterLink } from './ports.ts';

const WORDS: Readonly<Record<string, string>> = {
  ENETDOWN: 'the interface is down',
  ENODEV: 'the interface is gone',
  EADDRNOTAVAIL: 'the interface has no link-local address yet',
  ENETUNREACH: 'the interface has no link-local address yet',
};

export const routerDiscovery = (): RouterDiscoveryPort => ({ open, onLinkChange });

function open(name: string, heard: Parameters<RouterDiscoveryPort['open']>[1]): RouterLink | undefined {
  const index = interfaceIndexOf(name);
  if (index === 0) return undefined;
  const socket = openIcmp6({ name, index }, (message, from) => {
    const kind = routerMessage(message, from);
    if (kind !== undefined) heard(kind, from);
  });
  const inWords = (errno: string): string => WORDS[errno] ?? errno;
  return {
    index,
    advertise: () => inWords(socket.send(advertisement(), ALL_NODES)),
    solicit: () => inWords(socket.send(solicitation(), ALL_ROUTERS)),
    [Symbol.dispose]: () => { socket[Symbol.dispose](); },
  };
}

function onLinkChange(listener: (name: string) => void): Disposable {
  return NetlinkMonitor.open(GROUP.link, {
    message: (type, _flags, reader) => {
      if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return;
      const link = readLink(reader);
      if (link !== undefined) listener(link.name);
    },
    lost: () => undefined,      // the next advertisement tells
  });
}

/** The UDP sockets of BFD: two ports of both families to receive on, and a source port for each session (RFC 5881 §4, RFC 5883 §5). */
import type { BfdSession } from '../config/messages/bfd-control.ts';
import { messageOf, OperationError, type Problem } from '../lib/errors.ts';
import { FAMILIES, familyOf } from '../lib/ip/prefix.ts';
import { ip } from '../lib/ip/text.ts';
import { interfaceIndexOf, interfaceNameOf } from '../sys/native.ts';
import { encodeAddress } from '../sys/socket-address.ts';
import { openUdp, type UdpSocket } from '../sys/udp.ts';
import type { Datagram, PacketPort, PacketSender } from './ports.ts';
import { FIRST_SOURCE_PORT, FULL_TTL, LAST_SOURCE_PORT, MULTIHOP_PORT, SINGLE_HOP_PORT } from './wire/constants.ts';

/** DSCP CS6: network control. */
const TRAFFIC_CLASS = 0xc0;
/** Source ports to try before giving up. */
const ATTEMPTS = 32;

export interface Packets extends PacketPort {
  /** Ports that could not be opened, in words. */
  readonly problems: readonly Problem[];
}

/** `received` is called in turns of the event loop, and by `drain`. A port that is taken is a problem, not an error. */
export function openPackets(random: () => number, received: (datagram: Datagram) => void): Packets {
  const problems: Problem[] = [];
  const sockets: UdpSocket[] = [];
  for (const family of FAMILIES) {
    for (const port of [SINGLE_HOP_PORT, MULTIHOP_PORT]) {
      const multihop = port === MULTIHOP_PORT;
      try {
        sockets.push(openUdp({ family, port, ttl: FULL_TTL, trafficClass: TRAFFIC_CLASS }, ({ bytes, from, to, ttl, interfaceIndex }) => {
          received({ bytes, from: from.address, to, ttl, interfaceIndex, multihop });
        }));
      } catch (error) {
        problems.push({ path: `bfd/${family}/${port}`, message: `${messageOf(error)}: expected a UDP port that no other BFD daemon has` });
      }
    }
  }
  return {
    problems, interfaceName: interfaceNameOf,
    open: (session) => openSender(session, random),
    drain: () => { for (const socket of sockets) socket.drain(); },
  };
}

function openSender(session: BfdSession, random: () => number): PacketSender {
  const peer = ip(session.peer);
  const scope = session.interface === undefined ? 0 : interfaceIndexOf(session.interface);
  if (session.interface !== undefined && scope === 0) throw new OperationError('BFD_INTERFACE', { interface: session.interface }, new Error('there is no such interface'));
  const to = encodeAddress({ address: peer, port: session.multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT, scope: session.peer.startsWith('fe') ? scope : 0 });
  const options = {
    family: familyOf(peer), local: session.local === undefined ? undefined : ip(session.local),
    ttl: FULL_TTL, trafficClass: TRAFFIC_CLASS, interface: session.interface, scope,
  };
  for (let attempt = 1; ; attempt++) {
    const port = FIRST_SOURCE_PORT + Math.floor(random() * (LAST_SOURCE_PORT - FIRST_SOURCE_PORT + 1));
    try {
      const socket = openUdp({ ...options, port });
      return { send: (bytes) => socket.send(bytes, to), [Symbol.dispose]: () => { socket[Symbol.dispose](); } };
    } catch (error) {
      const isTaken = error instanceof OperationError && error.details['errno'] === 'EADDRINUSE';
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A peer with bad manners, as a program: `hostile-client.ts WHAT LOCAL-ADDRESS [NUMBER]`. Ends when its standard input does. */
import { connect, type Socket } from 'node:net';
import { advertisement, ALL_NODES } from '../../bgpd/links/discovery.ts';
import { encodeMessage } from '../../bgpd/wire/codec.ts';
import { EXTENDED_MESSAGE_LENGTH, MESSAGE_TYPE } from '../../bgpd/wire/constants.ts';
import { wireContext } from '../../bgpd/wire/context.ts';
import type { Capabilities } from '../../bgpd/wire/message.ts';
import { interfaceIndexOf } from '../../sys/native.ts';
import { openIcmp6 } from '../../sys/icmp6.ts';
import { tlv } from '../fuzz/mutation.ts';
import { framed } from '../fuzz/seeds.ts';
import { capabilities } from './session-builders.ts';

const [what = '', local = '', count = '0'] = process.argv.slice(2);
const ASN = 65003;
const KEEPALIVE = framed(MESSAGE_TYPE.keepalive, new Uint8Array(0));
const octets = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const ORIGIN = tlv(0x40, 1, Uint8Array.of(0));
const PATH = tlv(0x40, 2, Uint8Array.from([2, 1, ...octets(ASN)]));
const HOP = tlv(0x40, 3, Uint8Array.from(local.split('.').map(Number)));
const all = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

function update(attributes: Uint8Array, nlri: Uint8Array): Uint8Array {
  return framed(MESSAGE_TYPE.update, all(Uint8Array.of(0, 0, attributes.length >>> 8, attributes.length & 255), attributes, nlri));
}

const announce = (prefix: number, ...more: readonly Uint8Array[]): Uint8Array =>
  update(all(ORIGIN, PATH, HOP, ...more), Uint8Array.from([24, ...octets(prefix).slice(0, 3)]));

function open(some: Partial<Capabilities> = {}): Uint8Array {
  const routerId = Buffer.from(local.split('.').map(Number)).readUInt32BE(0);
  return encodeMessage({ type: 'open', version: 4, asn: ASN, holdTimeSeconds: 9, routerId, capabilities: capabilities({ families: ['ipv4'], ...some }) }, wireContext());
}

function dial(from = local): Socket {
  const socket = connect({ host: '10.9.0.1', port: 179, localAddress: from });
  socket.on('error', () => undefined);
  return socket;
}

/** Dials, and says that all is well every second; calls back when the other side's first KEEPALIVE must be here. */
function session(some: Partial<Capabilities>, up: (socket: Socket) => void): Socket {
  const socket = dial();
  socket.on('connect', () => { socket.write(all(open(some), KEEPALIVE)); });
  socket.once('data', () => { setTimeout(() => { up(socket); }, 500); });
  const beat = setInterval(() => { socket.write(KEEPALIVE); }, 1_000);
  socket.on('close', () => { clearInterval(beat); });
  return socket;
}

/** Writes what `next` gives until it gives nothing, no faster than it is taken. */
function pour(socket: Socket, next: () => Uint8Array | undefined): void {
  for (let chunk = next(); chunk !== undefined; chunk = next()) {
    if (!socket.write(chunk)) { socket.once('drain', () => { pour(socket, next); }); return; }
  }
  process.stdout.write('poured\n');
}

/** `count` times what `make` gives. */
function times(make: (i: number) => Uint8Array): () => Uint8Array | undefined {
  let i = 0;
  return () => (i < Number(count) ? make(i++) : undefined);
}

const refresh = (subtype: number): Uint8Array => framed(MESSAGE_TYPE.routeRefresh, Uint8Array.of(0, 1, subtype, 1));
const refreshStorm = (subtype: number): void => {
  const storm = Buffer.concat(Array.from({ length: 100 }, () => refresh(subtype)));
  session({ enhancedRouteRefresh: true }, (socket) => { socket.resume(); setInterval(() => { socket.write(storm); }, 100); });
};

const DEEDS: Readonly<Record<string, () => void>> = {
  /** Well-behaved: announces `count` prefixes and prints the longest time between two chunks that came, every half second. */
  good: () => {
    let last = 0;
    let longest = 0;
    const socket = session({ extendedMessages: true }, () => { pour(socket, times((i) => announce(0x14000000 + i * 256))); });
    socket.on('data', () => { const now = performance.now(); if (last > 0) longest = Math.max(longest, now - last); last = now; });
    setInterval(() => { process.stdout.write(`gap ${Math.round(Math.max(longest, last > 0 ? performance.now() - last : 0))}\n`); longest = 0; }, 500);
    socket.on('close', () => { process.stdout.write('closed\n'); });
  },
  'stops-reading': () => { session({}, (socket) => { socket.pause(); }); },
  'dribbles': () => {
    const socket = dial();
    const bytes = open();
    let at = 0;
    socket.on('connect', () => { setInterval(() => { if (at < bytes.length) socket.write(bytes.subarray(at, ++at)); }, 1_000); });
  },
  'opens-many': () => { for (let i = 0; i < Number(count); i++) dial().resume(); },
  'flaps': () => {
    setInterval(() => {
      const socket = session({}, () => { for (let i = 0; i < 100; i++) socket.write(announce(0x1e000000 + i * 256)); setTimeout(() => { socket.destroy(); }, 200); });
      socket.resume();
    }, 1_000);
  },
  'long-path': () => {
    session({ extendedMessages: true }, (socket) => {
      socket.resume();
      const segment = Uint8Array.from([2, 250, ...Array.from({ length: 250 }, () => octets(ASN)).flat()]);
      const attributes = all(ORIGIN, tlv(0x50, 2, Buffer.concat(Array.from({ length: 16 }, () => segment))), HOP);
      socket.write(update(attributes, Uint8Array.of(24, 203, 0, 113)));
    });
  },
  'many-paths': () => {
    session({ addPath: [{ family: 'ipv4', send: true, receive: false }] }, (socket) => {
      socket.resume();
      pour(socket, times((i) => update(all(ORIGIN, PATH, HOP), Uint8Array.from([...octets(i + 1), 24, 198, 51, 100]))));
    });
  },
  'asks-again': () => { refreshStorm(0); },
  'begins-again': () => { refreshStorm(1); },
  'too-long': () => { const socket = dial(); socket.on('connect', () => { socket.write(all(Buffer.alloc(16, 255), Uint8Array.of(255, 255, 1), new Uint8Array(EXTENDED_MESSAGE_LENGTH - 19))); }); socket.resume(); },
  'many-communities': () => {
    session({ extendedMessages: true }, (socket) => {
      socket.resume();
      const list = Buffer.alloc(4 * 15_000);
      pour(socket, times((i) => { for (let at = 0; at < list.length; at += 4) list.writeUInt32BE((i * 65_537 + at) >>> 0, at); return announce(0xc6336400, tlv(0xc0, 8, list)); }));
    });
  },
  /** From 200 addresses of a range, over and over. */
  'many-addresses': () => {
    let i = 0;
    setInterval(() => { for (let n = 0; n < 20; n++) { const socket = dial(`10.7.0.${1 + i++ % 200}`); socket.on('connect', () => { socket.write(all(open(), KEEPALIVE)); setTimeout(() => { socket.destroy(); }, 100); }); socket.resume(); } }, 50);
  },
  'advertises': () => {
    const socket = openIcmp6({ name: 'to-us', index: interfaceIndexOf('to-us') }, () => undefined);
    setInterval(() => { for (let n = 0; n < 200; n++) socket.send(advertisement(), ALL_NODES); }, 10);
  },
};

DEEDS[what]!();
process.stdin.resume().on('end', () => { process.exit(0); });

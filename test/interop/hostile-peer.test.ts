/** What a configured peer may say wrong: each gets its NOTIFICATION, and the sessions with BIRD do not notice. */
import { expect } from '@jest/globals';
import { bird } from '../support/bird.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { THEIRS } from '../support/foreign-speaker.ts';
import { INTEROP_MS, THEIR_ASN, THEIR_ROUTES, exchanged, kernelPrefixes, pair, type Pair } from '../support/interop.ts';
import { eventually } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces, ...bird.needs);

const MARKER = 'ff'.repeat(16);
const hex16 = (value: number): string => value.toString(16).padStart(4, '0');
const message = (type: number, body = ''): string => `${MARKER}${hex16(19 + body.length / 2)}${type.toString(16).padStart(2, '0')}${body}`;
/** OPEN of RFC 4271 §4.2; the capability is IPv4 unicast. */
const open = ({ version = 4, asn = 65003, holdTime = 90, id = '0a090003' } = {}): string =>
  message(1, `${version.toString(16).padStart(2, '0')}${hex16(asn)}${hex16(holdTime)}${id}08020601040001` + '0001');
const KEEPALIVE = message(4);
const established = open() + KEEPALIVE;
const update = (attributes: string, nlri: string): string => message(2, `0000${hex16(attributes.length / 2)}${attributes}${nlri}`);
const AS_PATH = '400204' + '0201fdeb';
const NEXT_HOP = '400304' + '0a090003';

interface Case { readonly what: string; readonly bytes: string; readonly answer: readonly [number, number] }

const CASES: readonly Case[] = [
  { what: 'another protocol', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n').toString('hex'), answer: [1, 1] },
  { what: 'a message shorter than its header', bytes: `${MARKER}001201`, answer: [1, 2] },
  { what: 'a message longer than 4,096 octets', bytes: `${MARKER}100101`, answer: [1, 2] },
  { what: 'a KEEPALIVE with a body', bytes: open() + message(4, '00'), answer: [1, 2] },
  { what: 'a message of unknown type', bytes: message(9), answer: [1, 3] },
  { what: 'an OPEN of version 3', bytes: open({ version: 3 }), answer: [2, 1] },
  { what: 'an OPEN with a wrong AS', bytes: open({ asn: 64999 }), answer: [2, 2] },
  { what: 'an OPEN with identifier 0', bytes: open({ id: '00000000' }), answer: [2, 3] },
  { what: 'an OPEN with a hold time of 1 s', bytes: open({ holdTime: 1 }), answer: [2, 6] },
  { what: 'an UPDATE before OPEN', bytes: update('', ''), answer: [5, 1] },
  { what: 'an UPDATE instead of the first KEEPALIVE', bytes: open() + update('', ''), answer: [5, 2] },
  { what: 'a second OPEN', bytes: established + open(), answer: [5, 3] },
  { what: 'an UPDATE whose withdrawn routes are longer than itself', bytes: established + message(2, '00400000'), answer: [3, 1] },
  { what: 'an UPDATE whose attributes are longer than itself', bytes: established + message(2, '00000040'), answer: [3, 1] },
  { what: 'a prefix of 33 bits', bytes: established + update(`40010100${AS_PATH}${NEXT_HOP}`, '210a00000000'), answer: [3, 10] },
];

const addressOf = (index: number): string => `10.9.0.${100 + index}`;

/** A BIRD that is well, and as many other peers at addresses of its namespace as there are cases. */
async function besieged(count: number): Promise<Pair> {
  const p = await pair(bird, {
    ours: {
      peers: [
        { name: 'v4', address: THEIRS.ipv4, asn: THEIR_ASN, families: ['ipv4'] },
        { name: 'v6', address: THEIRS.ipv6, asn: THEIR_ASN, families: ['ipv6'] },
        ...Array.from({ length: count }, (_, i) => ({ name: `bad${i}`, address: addressOf(i), asn: 65003, families: ['ipv4'] as const, passive: true })),
      ],
    },
  });
  for (let i = 0; i < count + 1; i++) p.them.address('to-us', `${addressOf(i)}/24`);
  return p;
}

/** Says bytes from an address of the other side and gives what came back, until we close, or for `ms`. */
async function say(p: Pair, from: string, bytes: string, ms = 5_000): Promise<Buffer> {
  const script = `
    const socket = require('node:net').connect({ host: '10.9.0.1', port: 179, localAddress: '${from}' });
    const parts = [];
    socket.on('connect', () => { socket.write(Buffer.from('${bytes}', 'hex')); });
    socket.on('data', (part) => { parts.push(part); });
    socket.on('error', () => {});
    const end = () => { console.log(Buffer.concat(parts).toString('hex')); process.exit(0); };
    socket.on('close', end);
    setTimeout(end, ${ms});`;
  const client = p.them.spawn(process.execPath, ['-e', script], { NODE_OPTIONS: '' });
  await client.ended;
  return Buffer.from(client.lines[0] ?? '', 'hex');
}

function notificationIn(bytes: Buffer): readonly [number, number] | undefined {
  for (let at = 0; at + 21 <= bytes.length; at += Math.max(19, bytes.readUInt16BE(at + 16))) {
    if (bytes[at + 18] === 3) return [bytes[at + 19]!, bytes[at + 20]!];
  }
  return undefined;
}

test('each mistake gets its NOTIFICATION and is shown, and the other sessions stay up', async () => {
  await using p = await besieged(CASES.length);
  await exchanged(p);
  const since = async (): Promise<unknown> => (await p.ours.status()).peers.filter((x) => x.name.startsWith('v')).map((x) => [x.name, x.state, x.sinceMs]);
  const before = await since();
  const monitor = await p.us.monitorRoutes();

  for (const [i, { what, bytes, answer }] of CASES.entries()) {
    const got = notificationIn(await say(p, addressOf(i), bytes));
    expect({ what, answer: got }).toEqual({ what, answer });
    const peer = await p.ours.peer(`bad${i}`);
    expect({ what, state: peer.state === 'Established', lastError: peer.lastError }).toEqual({ what, state: false, lastError: expect.stringMatching(/./) as unknown });
  }
  expect(notificationIn(await say(p, addressOf(CASES.length), open(), 500))).toBeUndefined(); // not configured: closed without a word

  expect(await since()).toEqual(before);
  expect(kernelPrefixes(p.us, '84')).toEqual([...THEIR_ROUTES].sort());
  expect((await monitor.read()).filter((line) => line.startsWith('Deleted'))).toEqual([]);
}, INTEROP_MS);

test('an UPDATE with a malformed attribute withdraws its routes and leaves the session up (RFC 7606)', async () => {
  await using p = await besieged(1);
  await exchanged(p);
  const good = update(`40010100${AS_PATH}${NEXT_HOP}`, '18c63364' + '18cb0071');
  const badOrigin = update(`40010105${AS_PATH}${NEXT_HOP}`, '18c63364');
  const said = say(p, addressOf(0), established + good + badOrigin, 6_000);
  await eventually(5_000, async () => { expect(await p.ours.peer('bad0')).toMatchObject({ state: 'Established', received: 1 }); });
  await eventually(5_000, () => { expect(kernelPrefixes(p.us, '84')).toEqual([...THEIR_ROUTES, '203.0.113.0/24'].sort()); });
  expect(notificationIn(await said)).toBeUndefined();
  await eventually(10_000, () => { expect(kernelPrefixes(p.us, '84')).toEqual([...THEIR_ROUTES].sort()); });
}, INTEROP_MS);

/** Route messages against what iproute2 sends, both ways: the same attributes, in whatever order. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ip, prefix } from '../../lib/ip/text.ts';
import { HEADER_BYTES, NetlinkReader, NetlinkWriter } from '../../sys/netlink/codec.ts';
import { readRoute, writeDelete, writeRoute, type Route, type RouteNextHop } from '../../sys/netlink/routes.ts';

interface Written { readonly prefix: string; readonly type: Route['type']; readonly nextHops: readonly { gateway?: string; interfaceIndex: number }[] }
interface Case { readonly command: string; readonly put?: Written; readonly delete?: { readonly prefix: string }; readonly bytes: Buffer }

const CREATE_REPLACE = 0x500;
const REQUEST_ACK = 5;

const text = readFileSync(join(import.meta.dirname, 'netlink/iproute2.txt'), 'utf8');
const cases: Case[] = text.split('\n\n').map((block) => block.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
  .filter((lines) => lines.length > 0).map(([command = '', json = '', ...dump]) => {
    const hex = dump.map((line) => line.split('   ')[0]!).join('').replaceAll(' ', '');
    return { command, ...(JSON.parse(json) as object), bytes: Buffer.from(hex, 'hex') };
  });

function routeOf(written: Written): Route {
  const nextHops: RouteNextHop[] = written.nextHops.map((h) => ({ ...h, gateway: h.gateway === undefined ? undefined : ip(h.gateway) }));
  return { prefix: prefix(written.prefix), type: written.type, table: 254, protocol: 84, metric: 1024, nextHops };
}

/** Header and `struct rtmsg`, without sequence number; then the attributes, sorted. */
function parts(bytes: Buffer): string[] {
  const reader = new NetlinkReader(bytes, HEADER_BYTES + 12, bytes.length);
  const attributes: string[] = [];
  while (reader.next()) attributes.push(bytes.toString('hex', reader.valueAt - 4, reader.valueAt + reader.valueLength));
  return [bytes.toString('hex', 0, 8), bytes.toString('hex', HEADER_BYTES, HEADER_BYTES + 12), ...attributes.sort()];
}

test.each(cases)('$command', (c) => {
  expect(c.bytes.length).toBe(c.bytes.readUInt32LE(0));
  const writer = new NetlinkWriter();
  if (c.put) {
    expect(readRoute(new NetlinkReader(c.bytes, HEADER_BYTES, c.bytes.length))).toEqual({ ...routeOf(c.put), scope: 0 });
    writeRoute(writer, CREATE_REPLACE, routeOf(c.put));
  } else {
    writeDelete(writer, { prefix: prefix(c.delete!.prefix), table: 254, protocol: 84, metric: 1024 });
  }
  writer.end(1, REQUEST_ACK);
  expect(parts(writer.bytes.subarray(0, writer.length))).toEqual(parts(c.bytes));
});

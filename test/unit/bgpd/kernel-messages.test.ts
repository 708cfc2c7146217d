import { expect, test } from '@jest/globals';
import { putter, remover, type Write } from '../../../bgpd/kernel-messages.ts';
import type { KernelRoute } from '../../../bgpd/ports.ts';
import { ip, prefix } from '../../../lib/ip/text.ts';
import { NetlinkWriter } from '../../../sys/netlink/codec.ts';
import { writeBatch } from '../../../sys/netlink/socket.ts';

const PLACE = { table: 1000, metric: 1024 };
const A = [{ gateway: ip('10.9.0.2'), interfaceIndex: 3 }];
const B = [{ gateway: ip('10.9.0.3'), interfaceIndex: 4 }, { gateway: ip('10.9.0.4'), interfaceIndex: 4 }];
const via = (text: string, nextHops: typeof A): KernelRoute => ({ kind: 'unicast', prefix: prefix(text), nextHops });

/** Neighbours alike and different in every way: length, next hops, kind, family. */
const ROUTES: readonly KernelRoute[] = [
  via('10.1.0.0/26', A), via('10.1.0.64/26', A), via('10.2.0.0/16', A), via('10.3.0.0/26', B), via('10.3.0.64/26', B),
  { kind: 'blackhole', prefix: prefix('10.4.0.0/26') }, { kind: 'blackhole', prefix: prefix('10.4.0.64/26') },
  via('10.5.0.0/26', A), via('fd00:1::/64', A), via('fd00:2::/64', A), via('10.6.0.0/26', A), via('0.0.0.0/0', A),
];

const bytesOf = (count: number, write: Write): string => {
  const writer = new NetlinkWriter();
  writeBatch(writer, 7, 0, count, write);
  return writer.bytes.toString('hex', 0, writer.length);
};

test.each([['put', putter], ['removed', remover]])('a batch that is %s says of each route what it says of that route alone', (_name, make) => {
  const alone: Write = (w, i) => { make(PLACE, [ROUTES[i]!])(w, 0); };
  expect(bytesOf(ROUTES.length, make(PLACE, ROUTES))).toBe(bytesOf(ROUTES.length, alone));
});

/** Every file in `bmp/` is a message that another BMP implementation sent, and what it was about: said by us, it is the same bytes. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { initiation, peerDown, peerUp, routeMonitoring, statisticsReport, termination, type MonitoredPeer } from '../../bgpd/bmp/messages.ts';
import { RouteBatch } from '../../bgpd/bmp/routes.ts';
import { wireContext } from '../../bgpd/wire/context.ts';
import { familyOf } from '../../lib/ip/prefix.ts';
import { ip, prefix } from '../../lib/ip/text.ts';
import { bytesFromHex, hexFromBytes } from '../support/hex.ts';
import { attributes } from '../support/rib-builders.ts';

interface Golden {
  readonly title: string;
  readonly message: 'peerUp' | 'peerDown' | 'routeMonitoring';
  readonly hex: string;
  readonly peer: Omit<MonitoredPeer, 'address' | 'routerId'> & { readonly address?: string; readonly routerId: string };
  readonly up?: { readonly localAddress: string; readonly localPort: number; readonly remotePort: number; readonly sentOpen: string; readonly receivedOpen: string };
  readonly reason?: { readonly type: 'remote-notification'; readonly notification: string };
  readonly route?: { readonly action: 'announce' | 'withdraw'; readonly prefix: string; readonly nextHop?: string; readonly asPath?: readonly number[]; readonly communities?: readonly number[] };
}

const FOLDER = new URL('./bmp/', import.meta.url);

function said({ message, peer: given, up, reason, route }: Golden): Uint8Array {
  const peer: MonitoredPeer = { ...given, address: given.address === undefined ? undefined : ip(given.address), routerId: ip(given.routerId) as number };
  switch (message) {
    case 'peerUp': return peerUp(peer, { ...up!, localAddress: ip(up!.localAddress), sentOpen: bytesFromHex(up!.sentOpen), receivedOpen: bytesFromHex(up!.receivedOpen) });
    case 'peerDown': return peerDown(peer, { ...reason!, notification: bytesFromHex(reason!.notification) });
    case 'routeMonitoring': return routeMonitoring(peer, update(route!));
  }
}

function update({ action, prefix: text, nextHop, asPath = [], communities = [] }: NonNullable<Golden['route']>): Uint8Array {
  const packed = prefix(text);
  const batch = new RouteBatch(familyOf(packed), wireContext());
  if (action === 'withdraw') batch.withdraw(packed, 0);
  else batch.announce(packed, { attributes: attributes({ asPath: [{ type: 'sequence', asns: asPath }], asPathLength: asPath.length, communities }), nextHop: { address: ip(nextHop!) } }, 0);
  return batch.messages()[0]!;
}

test.each(readdirSync(FOLDER))('%s', (file) => {
  const golden = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Golden;
  expect(hexFromBytes(said(golden)).replaceAll(/\s/g, '')).toBe(golden.hex);
});

test('messages that no capture has: by the letter of RFC 7854 §4.3, §4.5, §4.8', () => {
  const hex = (bytes: Uint8Array): string => hexFromBytes(bytes).replaceAll(/\s/g, '');
  expect(hex(initiation('n1', 'x'))).toBe('03' + '00000011' + '04' + '0001' + '0001' + '78' + '0002' + '0002' + '6e31');
  expect(hex(termination())).toBe('03' + '0000000c' + '05' + '0001' + '0002' + '0000');
  const peer: MonitoredPeer = { type: 'global', postPolicy: false, address: ip('fd00::2'), asn: 65001, routerId: 7, timeMs: 1_500 };
  const header = '00' + '80' + '00'.repeat(8) + 'fd00' + '00'.repeat(13) + '02' + '0000fde9' + '00000007' + '00000001' + '0007a120';
  expect(hex(statisticsReport(peer, [{ type: 7, value: 5 }, { type: 9, afi: 2, value: 5 }]))).toBe(
    '03' + '0000004f' + '01' + header + '00000002' + '0007' + '0008' + '0000000000000005' + '0009' + '000b' + '0002' + '01' + '0000000000000005');
});

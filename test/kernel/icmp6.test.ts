/** Router discovery over a real link: what is heard, and what the kernel keeps from us. */
import { expect } from '@jest/globals';
import { advertisement, ALL_NODES, ALL_ROUTERS, solicitation } from '../../bgpd/links/discovery.ts';
import { ip, showIp } from '../../lib/ip/text.ts';
import { openIcmp6 } from '../../sys/icmp6.ts';
import { AF_INET6, SOCK_CLOEXEC, SOCK_RAW, close, interfaceIndexOf, interfaceNameOf, sendto, setsockopt, socket } from '../../sys/native.ts';
import { encodeAddress } from '../../sys/socket-address.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { eventually, Namespaces, type Netns } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);

/** Sends with any hop limit. */
function sendRaw(ns: Netns, message: Uint8Array, hopLimit: number, to = ALL_NODES): void {
  ns.within(() => {
    const index = interfaceIndexOf('eth0');
    const fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 58);
    setsockopt(fd, 41, 18, hopLimit);
    setsockopt(fd, 41, 17, index);
    if (sendto(fd, message, encodeAddress({ address: to, port: 0, scope: index })) < 0) throw new Error('not sent');
    close(fd);
  });
}

test('messages of the link are heard with their sender; those from farther away, with a code, or of another type are not', async () => {
  await using net = await Namespaces.create('icmp6');
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { names: ['eth0', 'eth0'] });
  const heard: string[] = [];
  const link = us.within(() => ({ name: 'eth0', index: interfaceIndexOf('eth0') }));
  expect(us.within(() => interfaceNameOf(link.index))).toBe('eth0');
  using listening = us.within(() => openIcmp6(link, (message, from) => { heard.push(`${message[0]} ${showIp(from)}`); }));
  const theirs = (them.json('address', 'show', 'dev', 'eth0', 'scope', 'link') as { addr_info: { local: string }[] }[])[0]!.addr_info[0]!.local;
  await eventually(10_000, () => { sendRaw(them, solicitation(), 255, ALL_ROUTERS); expect(heard).toContain(`133 ${theirs}`); });
  heard.length = 0;
  sendRaw(them, advertisement(), 254);
  sendRaw(them, advertisement(), 64);
  sendRaw(them, Uint8Array.of(...advertisement()).with(1, 1), 255);
  sendRaw(them, Uint8Array.of(135, ...new Uint8Array(23)), 255);
  sendRaw(them, advertisement(), 255);
  await eventually(10_000, () => { expect(heard).toContain(`134 ${theirs}`); });
  expect(heard.filter((line) => !line.startsWith('133'))).toEqual([`134 ${theirs}`]);
  expect(listening.send(advertisement(), ALL_NODES)).toBe('');
});

test('what we send comes from our link-local address with hop limit 255', async () => {
  await using net = await Namespaces.create('icmp6 send');
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { names: ['eth0', 'eth0'] });
  const heard: string[] = [];
  using there = them.within(() => openIcmp6({ name: 'eth0', index: interfaceIndexOf('eth0') }, (message, from) => { heard.push(`${message[0]} ${showIp(from).slice(0, 4)}`); }));
  using here = us.within(() => openIcmp6({ name: 'eth0', index: interfaceIndexOf('eth0') }, () => undefined));
  await eventually(10_000, () => { here.send(advertisement(), ALL_NODES); expect(heard).toContain('134 fe80'); });
  us.ip('link', 'set', 'eth0', 'down');
  expect(['ENETDOWN', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EINVAL']).toContain(here.send(advertisement(), ALL_NODES));
  there.send(advertisement(), ip('ff02::1'));
});

test('an interface that is not there cannot be opened', () => {
  expect(interfaceIndexOf('nosuchlink')).toBe(0);
  expect(interfaceNameOf(999_999)).toBeUndefined();
  expect(() => openIcmp6({ name: 'nosuchlink', index: 999_999 }, () => undefined)).toThrow(/ICMP6_OPEN.*SO_BINDTODEVICE/);
});

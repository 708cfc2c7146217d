/** Code in another namespace, and sysctls there: whatever happens inside, the thread comes home. */
import { readdirSync, readlinkSync } from 'node:fs';
import { expect } from '@jest/globals';
import { listLinks, createVeth } from '../../sys/netlink/links.ts';
import { NetlinkSocket } from '../../sys/netlink/socket.ts';
import { inNetns, openNetns } from '../../sys/netns.ts';
import { ensureSysctl, readSysctl, writeSysctl } from '../../sys/sysctl.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const here = (): string => readlinkSync('/proc/thread-self/ns/net');
const openFiles = (): number => readdirSync('/proc/self/fd').length;

test('the body runs inside, by path or file descriptor, and its result comes back', async () => {
  await using net = await Namespaces.create('inside');
  const [a, b] = [net.add('a'), net.add('b')];
  const home = here();
  const fds = openFiles();
  const nested = inNetns(a.path, () => [here(), inNetns(b.path, here), here()]);
  expect(new Set([home, ...nested]).size).toBe(3);
  expect(nested[0]).toBe(nested[2]);
  expect(here()).toBe(home);
  const fd = openNetns(a.path);
  expect(inNetns(fd, here)).toBe(nested[0]);
  expect(inNetns(fd, here)).toBe(nested[0]); // the descriptor stays the caller's
  expect(openFiles()).toBe(fds + 1);
});

test('a body that throws, or turns out asynchronous, leaves the thread at home', async () => {
  await using net = await Namespaces.create('throwing');
  const a = net.add('a');
  const home = here();
  const fds = openFiles();
  expect(() => inNetns(a.path, () => { throw new Error('inside'); })).toThrow('inside');
  expect(here()).toBe(home);
  expect(() => inNetns(a.path, () => Promise.resolve(1))).toThrow(/NETNS_ASYNC/);
  expect(() => inNetns('/run/netns/tt-none', () => 1)).toThrow(/NETNS_OPEN .*tt-none/);
  expect(() => inNetns('/dev/null', () => 1)).toThrow(/NETNS_ENTER .*EINVAL/);
  expect(here()).toBe(home);
  expect(openFiles()).toBe(fds);
});

test('a socket opened inside keeps working there from outside', async () => {
  await using net = await Namespaces.create('socket');
  const [a, b] = [net.add('a'), net.add('b')];
  using socket = inNetns(a.path, () => NetlinkSocket.open());
  a.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
  expect(listLinks(socket).map((l) => l.name).sort()).toEqual(['lo', 'v0', 'v1']);
  expect(inNetns(b.path, () => listLinks(socket)).map((l) => l.name).sort()).toEqual(['lo', 'v0', 'v1']);
});

test('sysctls are those of the namespace, and only names below /proc/sys are accepted', async () => {
  await using net = await Namespaces.create('sysctl');
  const a = net.add('a');
  createVeth(a.netlink(), { name: 'v.0', peer: { name: 'v1' } });
  const outside = readSysctl('net/ipv4/ip_forward');
  a.within(() => {
    writeSysctl('net/ipv4/ip_forward', 1);
    expect(ensureSysctl('net/ipv4/ip_forward', 1)).toBe(false);
    expect(ensureSysctl('net/ipv4/conf/v.0/rp_filter', '1')).toBe(true);
    expect(readSysctl('net/ipv4/conf/v.0/rp_filter')).toBe('1');
    expect(() => readSysctl('net/ipv4/conf/v2/rp_filter')).toThrow(/SYSCTL_READ .*v2/);
    expect(() => { writeSysctl('net/ipv4/ip_forward', 'x'); }).toThrow(/SYSCTL_WRITE .*ip_forward.*x/);
  });
  expect(readSysctl('net/ipv4/ip_forward')).toBe(outside);
  for (const bad of ['', 'net', '/etc/passwd', 'net/../../etc/passwd', 'net//ipv4', 'net/./ipv4', 'net/ip v4']) {
    expect(() => readSysctl(bad)).toThrow(/SYSCTL_NAME/);
  }
});

/** Links, addresses, neighbours and nexthop objects in a real kernel, seen with `ip`. */
import { expect } from '@jest/globals';
import { OperationError } from '../../lib/errors.ts';
import { ip, prefix, showIp } from '../../lib/ip/text.ts';
import { deleteAddress, listAddresses, putAddress } from '../../sys/netlink/addresses.ts';
import { createLink, createVeth, deleteLink, linkByIndex, linkByName, listLinks, setLink } from '../../sys/netlink/links.ts';
import { deleteNeighbour, listNeighbours, putNeighbour, putProxyNeighbour } from '../../sys/netlink/neighbours.ts';
import { deleteNexthops, listNexthops, putNexthops, type Nexthop } from '../../sys/netlink/nexthops.ts';
import { putRoute } from '../../sys/netlink/routes.ts';
import { openNetns } from '../../sys/netns.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);

test('a veth pair is made in one call, its peer inside another namespace', async () => {
  await using net = await Namespaces.create('veth');
  const [node, pod] = [net.add('node'), net.add('pod')];
  const [outer, inner] = [node.netlink(), pod.netlink()];
  const namespaceFd = openNetns(pod.path);
  createVeth(outer, {
    name: 'cali0123456789a', mac: 'ee:ee:ee:ee:ee:ee', mtu: 1_440, up: true, alias: 'default/web-1 eth0',
    peer: { name: 'eth0', mac: '02:00:00:00:00:07', mtu: 1_440, namespaceFd },
  });
  expect(node.json('link', 'show', 'cali0123456789a')).toMatchObject([{ address: 'ee:ee:ee:ee:ee:ee', mtu: 1_440, ifalias: 'default/web-1 eth0', flags: expect.arrayContaining(['UP']) as unknown }]);
  expect(pod.json('link', 'show', 'eth0')).toMatchObject([{ address: '02:00:00:00:00:07', mtu: 1_440, operstate: 'DOWN' }]);

  const eth0 = linkByName(inner, 'eth0')!;
  expect(eth0).toMatchObject({ name: 'eth0', kind: 'veth', mac: '02:00:00:00:00:07', mtu: 1_440, up: false, carrier: false });
  setLink(inner, eth0.index, { up: true });
  expect(linkByIndex(inner, eth0.index)).toMatchObject({ up: true, carrier: true });
  const cali = linkByName(outer, 'cali0123456789a')!;
  expect(cali).toMatchObject({ up: true, carrier: true, alias: 'default/web-1 eth0', peerIndex: eth0.index });
  expect(listLinks(outer).map((l) => l.name)).toEqual(['lo', 'cali0123456789a']);

  let error: unknown;
  try { createVeth(outer, { name: 'cali0123456789a', peer: { name: 'x' } }); } catch (e) { error = e; }
  expect(error).toMatchObject({ code: 'LINK_CREATE', details: { name: 'cali0123456789a', errno: 'EEXIST' } });

  deleteLink(inner, 'eth0');
  expect([linkByName(outer, 'cali0123456789a'), linkByIndex(outer, cali.index), linkByName(inner, 'eth0')]).toEqual([undefined, undefined, undefined]);
  deleteLink(inner, 'eth0');
  deleteLink(outer, cali.index);
});

test('links are renamed, moved, put under a bridge and taken down', async () => {
  await using net = await Namespaces.create('set link');
  const [a, b] = [net.add('a'), net.add('b')];
  const socket = a.netlink();
  createLink(socket, 'bridge', { name: 'br0', up: true });
  createVeth(socket, { name: 'v0', peer: { name: 'v1' } });
  const [bridge, v0, v1] = ['br0', 'v0', 'v1'].map((name) => linkByName(socket, name)!);
  setLink(socket, v0!.index, { name: 'port', mtu: 1_300, mac: '02:00:00:00:00:01', alias: 'a port', masterIndex: bridge!.index, up: true });
  expect(linkByName(socket, 'port')).toMatchObject({ index: v0!.index, mtu: 1_300, mac: '02:00:00:00:00:01', alias: 'a port', masterIndex: bridge!.index, up: true });
  setLink(socket, v0!.index, { masterIndex: 0, up: false });
  expect(linkByName(socket, 'port')).toMatchObject({ masterIndex: undefined, up: false });
  setLink(socket, v1!.index, { namespaceFd: openNetns(b.path), name: 'moved' });
  expect(linkByName(b.netlink(), 'moved')).toMatchObject({ kind: 'veth' });
  expect(() => { setLink(socket, 4_711, { up: true }); }).toThrow(OperationError);
  expect(() => { createLink(socket, 'nonesuch', { name: 'x' }); }).toThrow(/LINK_CREATE .*Unknown device type/);
});

test('addresses come and go; both families; flags are obeyed', async () => {
  await using net = await Namespaces.create('addresses');
  const a = net.add('a');
  const socket = a.netlink();
  createVeth(socket, { name: 'v0', up: true, peer: { name: 'v1' } });
  setLink(socket, linkByName(socket, 'v1')!.index, { up: true });
  const interfaceIndex = linkByName(socket, 'v0')!.index;
  putAddress(socket, { interfaceIndex, address: ip('10.0.0.1'), length: 24 });
  putAddress(socket, { interfaceIndex, address: ip('10.0.0.1'), length: 24 });
  putAddress(socket, { interfaceIndex, address: ip('10.1.0.1'), length: 24, noPrefixRoute: true });
  putAddress(socket, { interfaceIndex, address: ip('fd00::1'), length: 64, noDad: true });
  putAddress(socket, { interfaceIndex, address: ip('169.254.9.9'), length: 32, scope: 253 });

  const show = (): string[] => listAddresses(socket, { interfaceIndex }).filter((x) => !showIp(x.address).startsWith('fe80')).map((x) => `${showIp(x.address)}/${x.length} scope ${x.scope} ${x.tentative}`).sort();
  expect(show()).toEqual(['10.0.0.1/24 scope 0 false', '10.1.0.1/24 scope 0 false', '169.254.9.9/32 scope 253 false', 'fd00::1/64 scope 0 false']);
  expect(a.routes(4).map((r) => r.dst)).toEqual(['10.0.0.0/24']);
  expect(listAddresses(socket, { family: 'ipv6', interfaceIndex }).every((x) => typeof x.address === 'bigint')).toBe(true);

  for (let twice = 0; twice < 2; twice++) deleteAddress(socket, { interfaceIndex, address: ip('10.0.0.1'), length: 24 });
  deleteAddress(socket, { interfaceIndex, address: ip('fd00::1'), length: 64 });
  expect(show()).toEqual(['10.1.0.1/24 scope 0 false', '169.254.9.9/32 scope 253 false']);
  expect(() => { putAddress(socket, { interfaceIndex: 4_711, address: ip('10.0.0.1'), length: 24 }); }).toThrow(/ADDRESS_PUT .*10\.0\.0\.1.*ENODEV/);
});

test('permanent and proxy neighbours', async () => {
  await using net = await Namespaces.create('neighbours');
  const a = net.add('a');
  const socket = a.netlink();
  createVeth(socket, { name: 'v0', up: true, peer: { name: 'v1' } });
  const interfaceIndex = linkByName(socket, 'v0')!.index;
  putNeighbour(socket, { interfaceIndex, address: ip('169.254.1.1'), mac: 'ee:ee:ee:ee:ee:ee' });
  putNeighbour(socket, { interfaceIndex, address: ip('169.254.1.1'), mac: 'ee:ee:ee:ee:ee:ef' });
  putNeighbour(socket, { interfaceIndex, address: ip('fe80::1'), mac: 'ee:ee:ee:ee:ee:ee' });
  putProxyNeighbour(socket, { interfaceIndex, address: ip('fd00::9') });

  expect(a.json('neigh', 'show', 'dev', 'v0', 'nud', 'permanent')).toEqual(expect.arrayContaining([
    expect.objectContaining({ dst: '169.254.1.1', lladdr: 'ee:ee:ee:ee:ee:ef', state: ['PERMANENT'] }),
    expect.objectContaining({ dst: 'fe80::1', lladdr: 'ee:ee:ee:ee:ee:ee', state: ['PERMANENT'] })]));
  expect(listNeighbours(socket, { family: 'ipv4' })).toEqual([{ interfaceIndex, address: ip('169.254.1.1'), mac: 'ee:ee:ee:ee:ee:ef', permanent: true, proxy: false }]);
  expect(listNeighbours(socket, { family: 'ipv6', proxy: true })).toMatchObject([{ address: ip('fd00::9'), proxy: true }]);

  for (let twice = 0; twice < 2; twice++) {
    deleteNeighbour(socket, { interfaceIndex, address: ip('169.254.1.1') });
    deleteNeighbour(socket, { interfaceIndex, address: ip('fd00::9'), proxy: true });
  }
  expect([listNeighbours(socket, { family: 'ipv4' }), listNeighbours(socket, { family: 'ipv6', proxy: true })]).toEqual([[], []]);
});

test('nexthop objects and groups carry routes', async () => {
  await using net = await Namespaces.create('nexthops');
  const [a, b] = [net.add('a'), net.add('b')];
  net.link(a, b, { addresses: [['10.9.0.1/24', 'fd09::1/64'], ['10.9.0.2/24', 'fd09::2/64']] });
  const socket = a.netlink();
  const interfaceIndex = linkByName(socket, 'to-b')!.index;
  const single = (id: number, gateway: string): Nexthop => ({ kind: 'single', id, protocol: 84, gateway: ip(gateway), interfaceIndex });
  const all: Nexthop[] = [single(101, '10.9.0.2'), single(102, '10.9.0.3'), single(103, 'fd09::2'),
    { kind: 'group', id: 110, protocol: 84, members: [{ id: 101, weight: 1 }, { id: 102, weight: 7 }] }];
  expect(putNexthops(socket, all)).toEqual([]);
  a.ip('nexthop', 'add', 'id', '200', 'via', '10.9.0.9', 'dev', 'to-b', 'proto', 'static');
  expect(listNexthops(socket, 84)).toEqual(all);

  putRoute(socket, { prefix: prefix('10.1.0.0/24'), type: 'unicast', table: 254, protocol: 84, metric: 1024, nextHops: [], nexthopId: 110 });
  expect(a.routes(4, 'proto', '84')[0]).toMatchObject({ dst: '10.1.0.0/24', nhid: 110 });
  expect(putNexthops(socket, [{ kind: 'group', id: 110, protocol: 84, members: [{ id: 101, weight: 2 }] }, single(104, '8.8.8.8')])).toMatchObject([{ index: 1, code: 'ENETUNREACH' }]);
  expect(listNexthops(socket, 84).find((n) => n.id === 110)).toEqual({ kind: 'group', id: 110, protocol: 84, members: [{ id: 101, weight: 2 }] });
  expect(deleteNexthops(socket, [110, 102, 4_711])).toEqual([]);
  expect(a.routes(4, 'proto', '84')).toEqual([]);
  expect(listNexthops(socket, 84).map((n) => n.id)).toEqual([101, 103]);
});

/** The monitor in a real kernel: it hears what it should, and a flood does not end it. */
import { expect } from '@jest/globals';
import { prefix, showPrefix } from '../../lib/ip/text.ts';
import { RTM_NEWADDR, readAddress } from '../../sys/netlink/addresses.ts';
import { RTM_NEWLINK, readLink } from '../../sys/netlink/links.ts';
import { GROUP, NetlinkMonitor } from '../../sys/netlink/monitor.ts';
import { RTM_DELROUTE, RTM_NEWROUTE, deleteRoutes, putRoutes, readRoute, type Route } from '../../sys/netlink/routes.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces, eventually } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);

const blackholes = (count: number, from = 0): Route[] => Array.from({ length: count }, (_, i) => ({
  prefix: prefix(`10.${(from + i) >> 8}.${(from + i) & 255}.0/24`), type: 'blackhole', table: 254, protocol: 84, metric: 1024, nextHops: [],
}));

test('links, addresses and routes of both families are told as they come and go', async () => {
  await using net = await Namespaces.create('monitor');
  const a = net.add('a');
  const heard: string[] = [];
  let settled = 0;
  using _monitor = a.within(() => NetlinkMonitor.open(GROUP.link | GROUP.address4 | GROUP.address6 | GROUP.route4 | GROUP.route6, {
    message: (type, _flags, reader) => {
      if (type === RTM_NEWLINK) heard.push(`link ${readLink(reader)?.name ?? ''}`);
      if (type === RTM_NEWADDR) heard.push(`address ${readAddress(reader)?.length ?? ''}`);
      if (type !== RTM_NEWROUTE && type !== RTM_DELROUTE) return;
      const route = readRoute(reader);
      if (route?.table === 254) heard.push(`${type === RTM_NEWROUTE ? 'route' : 'gone'} ${showPrefix(route.prefix)}`);
    },
    settled: () => { settled += 1; },
    lost: () => { heard.push('lost'); },
  }));
  a.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
  a.ip('address', 'add', '10.0.0.1/24', 'dev', 'v0');
  a.ip('link', 'set', 'v0', 'up');
  a.ip('route', 'add', '10.7.0.0/16', 'via', '10.0.0.9');
  a.ip('route', 'del', '10.7.0.0/16');
  a.ip('-6', 'route', 'add', 'blackhole', 'fd00::/16');
  await eventually(5_000, () => {
    expect(heard).toEqual(expect.arrayContaining(['link v0', 'link v1', 'address 24', 'route 10.0.0.0/24', 'route 10.7.0.0/16', 'gone 10.7.0.0/16', 'route fd00::/16']));
  });
  expect(settled).toBeGreaterThan(0);
  expect(heard).not.toContain('lost');
});

test('events of one socket can be dropped in the kernel, those of others are heard', async () => {
  await using net = await Namespaces.create('own events');
  const a = net.add('a');
  const [own, other] = [a.netlink(), a.netlink()];
  const heard: string[] = [];
  using monitor = a.within(() => NetlinkMonitor.open(GROUP.route4 | GROUP.route6, {
    message: (type, _flags, reader) => { heard.push(`${type} ${showPrefix(readRoute(reader)!.prefix)}`); },
    lost: () => { heard.push('lost'); },
  }, { ignorePortId: own.portId }));
  const [mine, theirs] = [blackholes(1), blackholes(1, 1)];
  putRoutes(own, mine);
  putRoutes(other, theirs);
  deleteRoutes(own, theirs);
  deleteRoutes(other, mine);
  monitor.drain();
  expect(heard).toEqual([`${RTM_NEWROUTE} 10.0.1.0/24`, `${RTM_DELROUTE} 10.0.0.0/24`]);
});

test('after a flood the monitor says that messages were lost, and goes on', async () => {
  await using net = await Namespaces.create('flood');
  const a = net.add('a');
  const socket = a.netlink();
  let heard = 0;
  let lost = 0;
  let last: string | undefined;
  using monitor = a.within(() => NetlinkMonitor.open(GROUP.route4, {
    message: (_type, _flags, reader) => { heard += 1; last = showPrefix(readRoute(reader)!.prefix); },
    lost: () => { lost += 1; },
  }, { bufferBytes: 8_192 }));
  for (let round = 1; round <= 3; round++) {
    putRoutes(socket, blackholes(5_000)); // in one turn: nothing is read meanwhile
    await eventually(5_000, () => { expect(lost).toBe(round); });
    expect(heard).toBeLessThan(5_000);

    const one = blackholes(1, 60_000 + round);
    putRoutes(socket, one);
    await eventually(5_000, () => { expect(last).toBe(showPrefix(one[0]!.prefix)); });
    for (const slice of Array.from({ length: 500 }, (_, i) => blackholes(10, i * 10))) {
      deleteRoutes(socket, slice);
      monitor.drain();
    }
    expect(lost).toBe(round);
    heard = 0;
  }
});

test('a monitor may be closed from within its own callback', async () => {
  await using net = await Namespaces.create('dispose inside');
  const a = net.add('a');
  let calls = 0;
  const monitor: NetlinkMonitor = a.within(() => NetlinkMonitor.open(GROUP.route4, {
    message: () => { calls += 1; monitor[Symbol.dispose](); },
    lost: () => { calls += 100; },
  }));
  putRoutes(a.netlink(), blackholes(10));
  await eventually(5_000, () => { expect(calls).toBeGreaterThan(0); });
  expect(calls).toBe(1);
  monitor[Symbol.dispose]();
});

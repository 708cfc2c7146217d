/** A speaker that is killed and comes back loses no packet: its routes stay in its kernel, its peers keep those it announced. */
import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { RouteMonitor, Stream, established, scenariosOf } from '../support/lab.ts';
import { BACK_MS, isBack, podPair } from '../support/traffic.ts';

const scenario = scenariosOf({ nodes: 3 });

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  scenario(`bgpd ended by ${signal} under 1,000 packets a second from another node and from behind the ToR: none lost, no route deleted`, async (lab) => {
    const [a, b] = await podPair(lab);
    await established(lab);
    await eventually(BACK_MS, async () => {
      for (const family of ['ipv4', 'ipv6'] as const) {
        expect(await lab.reaches('a', b, { proto: 'udp', family })).toBe(a.addresses.find((x) => x.includes(':') === (family === 'ipv6')));
        expect(await lab.reaches('host', b, { proto: 'udp', family })).toBeDefined();
      }
    });
    const monitors = await Promise.all(['n1', 'n2', 'n3', 'tor'].map((place) => RouteMonitor.start(lab, place)));
    const streams = [await Stream.start(lab, 'a', b, 'ipv4'), await Stream.start(lab, 'a', b, 'ipv6'), await Stream.start(lab, 'host', b, 'ipv4'), await Stream.start(lab, 'host', b, 'ipv6')];

    for (const node of ['n2', 'n1']) {
      const before = (await lab.status(node))!.startedAtMs;
      await lab.node(node).signal('bgpd', signal);
      await isBack(lab, node, before);
    }

    const results = await Promise.all(streams.map((s) => s.stop()));
    const deleted = (await Promise.all(monitors.map((m) => m.stop('')))).flat().filter((line) => /10\.244\.|fd00:10:244:|10\.98\.|fd98:/.test(line));
    expect(deleted).toEqual([]);
    for (const r of results) {
      expect(r.sent).toBeGreaterThan(1_000);
      expect([r.lost, r.firstLost]).toEqual([0, []]);
    }
  }, 240_000);
}

/** A speaker that is killed and comes back loses no packet: its routes stay in its kernel, its peers keep those it announced. */
import { expect } from '@jest/globals';
import type { PodView } from '../../lab/kubelet.ts';
import type { Lab } from '../../lab/lab.ts';
import { eventually } from '../support/eventually.ts';
import { RouteMonitor, Stream, established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 3 });
const BACK_MS = 60_000;

async function podsOf(lab: Lab): Promise<readonly [PodView, PodView]> {
  const there = (await lab.view()).pods;
  const [a, b] = there.length > 0 ? ['a', 'b'].map((name) => there.find((p) => p.name === name)!) : await Promise.all([lab.pod('a', { node: 'n1' }), lab.pod('b', { node: 'n2' })]);
  return [a!, b!];
}

/** The new process runs, its sessions are Established, nobody holds its routes as stale any more. */
async function isBack(lab: Lab, node: string, startedBefore: number): Promise<void> {
  await eventually(BACK_MS, async () => {
    const status = await lab.status(node);
    expect(status?.startedAtMs ?? 0).toBeGreaterThan(startedBefore);
    expect(status?.restarting).toBe(false);
  });
  await established(lab, BACK_MS);
  await eventually(BACK_MS, async () => {
    for (const n of lab.nodes) expect((await n.speaker())!.peers.filter((p) => p.stale > 0)).toEqual([]);
  });
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  scenario(`bgpd ended by ${signal} under 1,000 packets a second from another node and from behind the ToR: none lost, no route deleted`, async (lab) => {
    const [a, b] = await podsOf(lab);
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

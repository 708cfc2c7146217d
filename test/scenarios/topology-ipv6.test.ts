/** A cluster without any IPv4 address: nodes, pods, sessions, the API server and the ToR router's neighbours are IPv6 alone. */
import { expect } from '@jest/globals';
import { flat, withoutIpv4 } from '../../lab/topology.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, allPass, blocksOf, gatewaysOf, scenariosOf, sessionsAre } from '../support/lab.ts';

const scenario = scenariosOf({ topology: withoutIpv4(flat(3)) });

scenario('nodes without an IPv4 address mesh and peer with the router; router IDs are hashes; pods have IPv6 and reach each other', async (lab) => {
  const pods = await Promise.all(['n1', 'n2', 'n3'].map((node) => lab.pod(`on${node}`, { node })));
  for (const pod of pods) expect(pod.addresses).toEqual([expect.stringMatching(/^fd00:10:244:/)]);
  await sessionsAre(lab, { n1: 3, n2: 3, n3: 3 });

  const status = await Promise.all(lab.nodes.map(async (n) => (await n.speaker())!));
  expect(new Set(status.map((s) => s.routerId)).size).toBe(3);
  for (const s of status) {
    expect(s.routerId).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(s.routerId).not.toBe('0.0.0.0');
    expect(s.peers.flatMap((p) => p.families)).toEqual(['ipv6', 'ipv6', 'ipv6']);
    expect(s.problems).toEqual([]);
  }
  await allPass(lab, pods, ['ipv6']);
  const [block] = await blocksOf(lab, 'n2');
  expect(await gatewaysOf(lab.node('n1'), block!)).toEqual(['fd99::12']);
  for (const node of lab.nodes) expect((await node.kernelRoutes('ipv4')).map((r) => r.dst)).toEqual([]);

  await eventually(CONVERGED_MS, async () => {
    const route = (await lab.tor.kernelRoutes('ipv6')).find((r) => r.dst === block);
    expect(route?.gateway).toBe('fd99::12');
    const answers = await lab.ask('host', pods.map((p) => ({ proto: 'tcp', address: p.addresses[0]! })));
    expect(answers.map((x) => (x.ok ? x.source : x.reason))).toEqual(Array(3).fill('fd98::2'));
  });
  expect(await lab.birdc('show protocols all n1_v6')).toContain(`Neighbor ID:      ${status[0]!.routerId}`);

  const shown = await lab.tortiectl('node', 'status', 'n1');
  expect([shown.status, shown.stderr]).toEqual([0, '']);
  expect(shown.stdout).toMatch(/No IPv4 peers found/);
  expect(shown.stdout).toMatch(/fd99::12 .*node-to-node mesh.*up/);
});

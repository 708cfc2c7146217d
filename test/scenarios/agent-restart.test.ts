/** The agent dies and comes back: pods, routes and sessions do not notice, and the next pod starts as if nothing had been. */
import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { Stream, established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 2 });
const BACK_MS = 30_000;

scenario('the agent killed: nothing changes for running pods, and pods are added and deleted afterwards', async (lab) => {
  const [a, b] = await Promise.all([lab.pod('a', { node: 'n1' }), lab.pod('b', { node: 'n2' })]);
  await established(lab);
  await eventually(BACK_MS, async () => { expect(await lab.reaches('a', b, { proto: 'udp', family: 'ipv4' })).toBe(a.addresses[0]); });
  const state = (): Promise<string> => lab.node('n2').execOrThrow(['sh', '-c', 'ip route; ip -6 route | sed "s/expires.*//"; ip -br link']);
  const [routes, speaker, stream] = [await state(), (await lab.status('n2'))!, await Stream.start(lab, 'a', b, 'ipv4')];

  const killed = await lab.node('n2').signal('agent', 'SIGKILL');
  await eventually(BACK_MS, async () => {
    const agent = (await lab.node('n2').view()).daemons.find((d) => d.name === 'agent');
    expect(agent?.pid ?? killed).not.toBe(killed);
  });
  const late = await lab.pod('late', { node: 'n2' });

  expect(await stream.stop()).toMatchObject({ lost: 0 });
  await eventually(BACK_MS, async () => { expect(await lab.reaches('a', late, { proto: 'tcp', family: 'ipv6' })).toBe(a.addresses[1]); });
  await lab.deletePod('late');
  await eventually(BACK_MS, async () => { expect(await state()).toBe(routes); });
  const after = (await lab.status('n2'))!;
  expect(after.startedAtMs).toBe(speaker.startedAtMs);
  expect(after.peers.map((p) => [p.name, p.state, p.sinceMs])).toEqual(speaker.peers.map((p) => [p.name, p.state, p.sinceMs]));
});

scenario('a pod deleted while the agent is away is gone when the agent is back', async (lab) => {
  await lab.pod('gone', { node: 'n1' });
  await lab.node('n1').signal('agent', 'SIGKILL');
  await lab.deletePod('gone');
  await eventually(BACK_MS, async () => {
    expect(await lab.node('n1').execOrThrow(['sh', '-c', 'ip -br link | grep -c "^cali" || true'])).toBe('1\n');
    const handles = await lab.kubectl('get', 'ipamhandles.projectcalico.org', '-o', 'name');
    expect(handles.stdout.trim().split('\n')).toHaveLength(2);
  });
});

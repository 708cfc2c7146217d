/** Every `tortiectl bgp` command against a running cluster, compared with what the ToR router's BIRD says of the same sessions. */
import { expect } from '@jest/globals';
import type { PeerDetail, PeerStatus, RoutesResult, SpeakerStatus } from '../../config/messages/bgpd-control.ts';
import type { Lab } from '../../lab/lab.ts';
import { eventually } from '../support/eventually.ts';
import { established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 3 });
const UP_MS = 60_000;

/** What the command prints; throws with all it said when it fails. */
async function bgp(lab: Lab, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await lab.tortiectl('bgp', ...words);
  if (status !== 0) throw new Error(`tortiectl bgp ${words.join(' ')}: status ${String(status)}\n${stdout}${stderr}`);
  return stdout;
}
const json = async <T>(lab: Lab, ...words: string[]): Promise<T> => JSON.parse(await bgp(lab, ...words, '-o', 'json')) as T;

/** Prefixes in BIRD's `show route`. */
const prefixesIn = (text: string): string[] => [...text.matchAll(/^(\S+\/\d+)/gm)].map((m) => m[1]!).sort();

async function torOf(lab: Lab, node: string): Promise<PeerStatus> {
  const found = (await json<SpeakerStatus>(lab, 'summary', node)).peers.find((p) => p.origin === 'global' && !p.address.includes(':'));
  if (found === undefined) throw new Error('no peer is the ToR router');
  return found;
}

scenario('sessions and routes as the ToR router sees them', async (lab) => {
  await Promise.all([lab.pod('a', { node: 'n1' }), lab.pod('b', { node: 'n2' })]);
  await established(lab);
  const tor = await torOf(lab, 'n1');

  const summary = await bgp(lab, 'summary', 'n1');
  expect(summary).toMatch(new RegExp(`node n1, router ID \\S+, AS 64512, up for`));
  expect(summary).toMatch(new RegExp(`${tor.name} +${tor.address.replaceAll('.', '\\.')} +${tor.asn} +Established`));
  expect((await bgp(lab, 'peers', '--all-nodes')).match(/^n[123] .*Established/gm)).toHaveLength(3 * 6);
  expect(Object.keys(await json<object>(lab, 'peers', '--all-nodes'))).toEqual(['n1', 'n2', 'n3']);

  const peer = await bgp(lab, 'peer', tor.address, '--node', 'n1');
  expect(peer).toContain(`peer ${tor.name} of node n1 (global, external)`);
  expect(peer).toMatch(/OUR CAPABILITIES +THEIR CAPABILITIES/);
  const detail = await json<PeerDetail>(lab, 'peer', tor.name, '--node', 'n1');
  const theirs = await lab.birdc('show protocols all n1_v4');
  expect(theirs).toContain('Established');
  const [, imported] = /Routes: +(\d+) imported/.exec(theirs) ?? [];
  const [, exported] = /(\d+) exported/.exec(theirs) ?? [];
  expect([detail.perFamily.ipv4?.advertised, detail.perFamily.ipv4?.received]).toEqual([Number(imported), Number(exported)]);
  expect(theirs).toContain(`Neighbor ID:      ${(await json<SpeakerStatus>(lab, 'summary', 'n1')).routerId}`);

  const advertised = await json<RoutesResult>(lab, 'advertised', tor.name, '--node', 'n1');
  expect(advertised.routes.map((r) => r.prefix).sort()).toEqual(prefixesIn(await lab.birdc('show route protocol n1_v4')));
  const received = await json<RoutesResult>(lab, 'received', tor.name, '--node', 'n1');
  expect(received.routes.map((r) => r.prefix).sort()).toEqual(prefixesIn(await lab.birdc('show route export n1_v4')));
  expect(await bgp(lab, 'received', tor.name, received.routes[0]!.prefix, '--node', 'n1')).toContain('the only route');

  const [block] = (await lab.status('n2'))!.originated.filter((p) => !p.includes(':'));
  const shown = await bgp(lab, 'routes', block!, '--node', 'n1');
  expect(shown).toMatch(new RegExp(`^>\\* +${block!.replaceAll('.', '\\.')} .*$`, 'm'));
  expect(await bgp(lab, 'routes', block!.split('/')[0]!, '--node', 'n1', '--best')).toContain(block!);
  expect((await json<RoutesResult>(lab, 'routes', '--peer', tor.name, '--out', '--node', 'n1')).routes.map((r) => r.prefix)).toEqual(advertised.routes.map((r) => r.prefix));
  expect((await json<RoutesResult>(lab, 'routes', '--peer', tor.name, '--in', 'post', '--node', 'n1')).routes.map((r) => r.prefix)).toEqual(received.routes.map((r) => r.prefix));
  expect((await json<RoutesResult>(lab, 'routes', '--peer', 'local', '--node', 'n2')).routes.map((r) => r.prefix)).toContain(block);
});

scenario('the agent\'s metrics carry those of bgpd', async (lab) => {
  await established(lab);
  const tor = await torOf(lab, 'n1');
  const pod = (await lab.kubectl('get', 'pods', '-n', 'kube-system', '--field-selector', 'spec.nodeName=n1', '-o', 'jsonpath={.items[0].metadata.name}')).stdout;
  const { stdout } = await lab.kubectl('get', '--raw', `/api/v1/namespaces/kube-system/pods/${pod}:9098/proxy/metrics`);
  expect(stdout).toContain('tortie_ready 1');
  expect(stdout).toContain('tortie_bgpd_up 1');
  expect(stdout).toContain(`tortie_bgp_peer_up{peer="${tor.name}"} 1`);
  expect(stdout).toMatch(new RegExp(`tortie_bgp_peer_prefixes_advertised\\{peer="${tor.name}",family="ipv4"\\} [1-9]`));
});

scenario('a session is cleared, shut down with a message, and enabled again', async (lab) => {
  await established(lab);
  const tor = await torOf(lab, 'n2');
  const state = async (): Promise<string> => /^n2_v4 .*$/m.exec(await lab.birdc('show protocols all n2_v4'))?.[0] ?? '';
  const since = await state();

  expect(await bgp(lab, 'clear', tor.name, '--soft', 'in', '--node', 'n2')).toContain('cleared (soft-in)');
  expect(await bgp(lab, 'clear', 'all', '--soft', 'out', '--node', 'n2')).toContain('6 peers of node n2 cleared (soft-out)');
  expect(await state()).toBe(since);
  expect(await bgp(lab, 'clear', tor.name, '--node', 'n2')).toContain('cleared (hard)');
  await eventually(UP_MS, async () => {
    expect(await state()).toContain('Established');
    expect(await state()).not.toBe(since);
  });

  expect(await bgp(lab, 'shutdown', tor.address, '--message', 'rack 7 moves', '--node', 'n2')).toContain(`peer ${tor.name} of node n2 is shut down`);
  await eventually(UP_MS, async () => { expect(await lab.birdc('show protocols all n2_v4')).not.toContain('Established'); });
  expect(await lab.birdc('show protocols all n2_v4')).toMatch(/Received: Administrative shutdown/);
  expect(await bgp(lab, 'peer', tor.name, '--node', 'n2')).toMatch(/why: +an operator of ours holds it down: "rack 7 moves"/);
  expect((await lab.kubectl('get', 'node', 'n2', '-o', 'jsonpath={.metadata.annotations.tortie\\.io/bgp-shutdown}')).stdout).toBe(JSON.stringify({ [tor.name]: 'rack 7 moves' }));

  expect(await bgp(lab, 'enable', tor.name, '--node', 'n2')).toContain('is enabled');
  await eventually(UP_MS, async () => { expect(await state()).toContain('Established'); });
}, 180_000);

scenario('what is wrong is said: a peer, a node, an option, a router that is not there', async (lab) => {
  const failed = async (...words: string[]): Promise<readonly [number | undefined, string]> => {
    const { status, stderr } = await lab.tortiectl('bgp', ...words);
    return [status, stderr];
  };
  expect(await failed('peer', 'nobody', '--node', 'n1')).toEqual([1, expect.stringMatching(/^node n1: NO_PEER .*nobody.*expected=Global_/)]);
  expect(await failed('routes', '--peer', 'nobody', '--node', 'n1')).toEqual([1, expect.stringMatching(/^node n1: NO_PEER .*nobody.*expected=Global_/)]);
  expect(await failed('peers', '--node', 'n9')).toEqual([1, expect.stringContaining('no agent runs on node "n9": expected one of n1, n2, n3')]);
  expect(await failed('clear', 'all', '--soft', '--node', 'n1')).toEqual([2, expect.stringContaining('argument \'--node\' is invalid. Allowed choices are in, out.')]);
  expect(await failed('summary', 'n9')).toEqual([1, expect.stringContaining('no agent runs on node "n9": expected one of n1, n2, n3')]);
  expect(await failed('routes', '10.0.0.0/99', '--node', 'n1')).toEqual([2, expect.stringContaining('expected ADDRESS/LENGTH or an address')]);
  expect(await failed('routes', '--in', 'pre', '--node', 'n1')).toEqual([2, expect.stringContaining('--in and --out need --peer')]);
  expect(await failed('clear', 'nobody', '--node', 'n1')).toEqual([1, expect.stringContaining('node n1 has no peer "nobody": expected one of ')]);

  await lab.signal('n3', 'bgpd', 'SIGSTOP');
  expect(await failed('summary', 'n3')).toEqual([1, expect.stringMatching(/^node n3: BGPD_SILENT .*bgpd has not answered within 4 s/)]);
  await lab.signal('n3', 'bgpd', 'SIGCONT');

  const tor = await torOf(lab, 'n3');
  await lab.birdc('disable n3_v4');
  await eventually(UP_MS, async () => { expect(await bgp(lab, 'peer', tor.name, '--node', 'n3')).toMatch(/why: +\S.*\n +remedy: +\S/); });
  await lab.birdc('enable n3_v4');
}, 180_000);

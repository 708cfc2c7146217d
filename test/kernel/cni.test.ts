/** The real CNI executable, the real agent, the real API server and the real kernel, on one node without a default route. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { flawOf, type BlockSpec } from '../../ipam/blocks/block.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { AgentNode, PODS, calico, type TestPod } from '../support/agent-node.ts';
import { eventually } from '../support/eventually.ts';
import { sh } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const TEST_MS = 60_000;
const SOON_MS = 20_000;
const scenario = skipUnless(root, namespaces, program('ip'), program('nsenter'), program('ping'), program('gcc'));
const isSkipped = scenario !== test;

let node: AgentNode;
let empty: object;
let pods: TestPod[] = [];

beforeAll(async () => {
  if (isSkipped) return;
  node = await AgentNode.create('cni');
  await node.startAgent();
  const first = await node.pod('first');
  await node.add(first); // the node takes its blocks, which stay
  await node.del(first);
  empty = await eventually(SOON_MS, async () => {
    const now = await node.fingerprint();
    expect(now).toMatchObject({ held: [], handles: [], records: [], affinities: ['confirmed', 'confirmed'] });
    return now;
  });
}, TEST_MS);

afterEach(async () => {
  if (isSkipped) return;
  for (const p of pods) await node.del(p);
  pods = [];
  await eventually(SOON_MS, async () => { expect(await node.fingerprint()).toEqual(empty); });
}, TEST_MS);

afterAll(async () => { if (!isSkipped) await node[Symbol.asyncDispose](); }, TEST_MS);

async function pod(name?: string): Promise<TestPod> {
  const made = await node.pod(name);
  pods.push(made);
  return made;
}

interface Ip { readonly address: string; readonly interface?: number }
const ipsOf = (result: Record<string, unknown>): string[] => (result['ips'] as Ip[]).map((i) => i.address.split('/')[0]!);
const linkOf = (result: Record<string, unknown>): string => (result['interfaces'] as { name: string }[])[0]!.name;
const pings = (from: TestPod, to: string): boolean => spawnSync('nsenter', [`--net=${from.netns.path}`, 'ping', '-c1', '-W2', to]).status === 0;
const sysctl = (where: { exec: (p: string, ...a: string[]) => string }, name: string): string => where.exec('cat', `/proc/sys/net/${name}`).trim();
const blocks = async (): Promise<BlockSpec[]> => await node.specs('ipamblocks') as unknown as BlockSpec[];

describe('ADD', () => {
  scenario('gives an address of each family, and pods reach each other through a node that has no default route', async () => {
    const [a, b] = [await pod(), await pod()];
    const [resultA, resultB] = [await node.add(a), await node.add(b)];
    expect(resultA).toEqual({
      cniVersion: '1.0.0',
      interfaces: [{ name: expect.stringMatching(/^cali[0-9a-f]{11}$/), mac: 'ee:ee:ee:ee:ee:ee' }, { name: 'eth0', mac: expect.stringMatching(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/), sandbox: a.netns.path }],
      ips: [{ interface: 1, address: expect.stringMatching(/^10\.244\.0\.\d+\/32$/) }, { interface: 1, address: expect.stringMatching(/^fd00:244::[0-9a-f]+\/128$/) }],
      routes: [{ dst: '0.0.0.0/0', gw: '169.254.1.1' }, { dst: '::/0', gw: 'fe80::ecee:eeff:feee:eeee' }],
    });
    expect(node.node.ip('route', 'show', 'default') + node.node.ip('-6', 'route', 'show', 'default')).toBe('');
    for (const [from, to] of [[a, resultB], [b, resultA]] as const) for (const ip of ipsOf(to)) expect([ip, pings(from, ip)]).toEqual([ip, true]);
  }, TEST_MS);

  scenario('the node itself reaches its pods, and they reach it', async () => {
    const a = await pod();
    const own = ['192.0.2.1', '2001:db8::1'];
    for (const ip of own) node.node.address('lo', `${ip}/${ip.includes(':') ? 128 : 32}`);
    for (const ip of ipsOf(await node.add(a))) node.node.exec('ping', '-c1', '-W2', ip);
    for (const ip of own) {
      expect([ip, pings(a, ip)]).toEqual([ip, true]);
      node.node.ip('address', 'del', `${ip}/${ip.includes(':') ? 128 : 32}`, 'dev', 'lo');
    }
  }, TEST_MS);

  scenario('records the pod in block, handle and annotations as Calico does', async () => {
    const a = await pod();
    const [v4, v6] = ipsOf(await node.add(a));
    const handle = `k8s-pod-network.${a.containerId}`;
    expect(await node.annotations(a)).toEqual({
      'cni.projectcalico.org/containerID': a.containerId, 'cni.projectcalico.org/podIP': `${v4}/32`, 'cni.projectcalico.org/podIPs': `${v4}/32,${v6}/128`,
    });
    const own = (await blocks()).filter((x) => x.attributes.some((at) => at.handle_id === handle));
    expect(own.map((x) => x.attributes)).toEqual(Array(2).fill([{
      handle_id: handle,
      secondary: { namespace: 'default', node: 'n1', pod: a.name, timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC$/) },
    }]));
    expect((await node.specs('ipamhandles')).find((h) => h['handleID'] === handle)).toMatchObject({ block: Object.fromEntries(own.map((x) => [x.cidr, 1])) });
    expect((await blocks()).map(flawOf)).toEqual([undefined, undefined]);
  }, TEST_MS);

  scenario('makes the link, its settings, the routes and the permanent neighbours', async () => {
    const a = await pod();
    const result = await node.add(a);
    const link = linkOf(result);
    const [v4, v6] = ipsOf(result);
    expect(node.node.routes(4, 'proto', '85')).toEqual([expect.objectContaining({ dst: v4, dev: link, scope: 'link' })]);
    expect(node.node.routes(6, 'proto', '85')).toEqual([expect.objectContaining({ dst: v6, dev: link })]);
    expect(Object.fromEntries(['ipv4/conf/L/proxy_arp', 'ipv4/conf/L/forwarding', 'ipv4/conf/L/route_localnet', 'ipv4/conf/L/rp_filter', 'ipv4/neigh/L/proxy_delay',
      'ipv6/conf/L/forwarding', 'ipv6/conf/L/proxy_ndp', 'ipv6/conf/L/accept_ra', 'ipv6/conf/L/accept_dad', 'ipv6/conf/L/disable_ipv6']
      .map((name) => [name, sysctl(node.node, name.replace('L', link))]))).toEqual({
      'ipv4/conf/L/proxy_arp': '1', 'ipv4/conf/L/forwarding': '1', 'ipv4/conf/L/route_localnet': '1', 'ipv4/conf/L/rp_filter': '1', 'ipv4/neigh/L/proxy_delay': '0',
      'ipv6/conf/L/forwarding': '1', 'ipv6/conf/L/proxy_ndp': '1', 'ipv6/conf/L/accept_ra': '0', 'ipv6/conf/L/accept_dad': '0', 'ipv6/conf/L/disable_ipv6': '0',
    });
    expect([sysctl(a.netns, 'ipv4/ip_forward'), sysctl(a.netns, 'ipv6/conf/all/forwarding')]).toEqual(['0', '0']);
    expect([sysctl(node.node, 'ipv4/ip_forward'), sysctl(node.node, 'ipv6/conf/all/forwarding')]).toEqual(['1', '1']);
    const neighbours = a.netns.json('neigh', 'show') as { dst: string; lladdr: string; state: string[] }[];
    for (const gateway of ['169.254.1.1', 'fe80::ecee:eeff:feee:eeee']) {
      expect(neighbours).toContainEqual(expect.objectContaining({ dst: gateway, lladdr: 'ee:ee:ee:ee:ee:ee', state: ['PERMANENT'] }));
    }
    expect(a.netns.ip('-6', 'addr', 'show', 'dev', 'eth0')).not.toContain('tentative');
  }, TEST_MS);

  scenario('honours MTU, forwarding and one family, in the newest form of the result', async () => {
    const a = await pod();
    const result = await node.add(a, { cniVersion: '1.1.0', mtu: 1400, container_settings: { allow_ip_forwarding: true }, ipam: { type: 'calico-ipam' } });
    expect(result).toMatchObject({ cniVersion: '1.1.0', interfaces: [{}, { mtu: 1400 }], ips: [{ address: expect.stringMatching(/^10\./) }] });
    expect(result['ips']).toHaveLength(1);
    expect([sysctl(a.netns, 'ipv4/ip_forward'), a.netns.json('link', 'show', 'eth0')]).toEqual(['1', [expect.objectContaining({ mtu: 1400 })]]);
  }, TEST_MS);

  scenario('answers each version in its own form', async () => {
    for (const version of ['0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
      const a = await pod();
      const result = await node.add(a, { cniVersion: version });
      expect([result['cniVersion'], (result['ips'] as { version?: string }[]).map((i) => i.version)]).toEqual([version, version < '1' ? ['4', '6'] : [undefined, undefined]]);
    }
  }, TEST_MS);

  scenario('twenty at the same time give twenty pods different addresses', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => pod()));
    const results = await Promise.all(many.map((p) => node.add(p)));
    expect(new Set(results.flatMap(ipsOf)).size).toBe(40);
    expect((await blocks()).map((b) => [b.attributes.length, flawOf(b)])).toEqual([[20, undefined], [20, undefined]]);
    expect(pings(many[0]!, ipsOf(results[19]!)[0]!) && pings(many[7]!, ipsOf(results[3]!)[1]!)).toBe(true);
    await Promise.all(many.map((p) => node.del(p)));
  }, TEST_MS);

  scenario('asked twice gives the same answer; a container whose namespace is another gets a new one', async () => {
    const a = await pod();
    const first = await node.add(a);
    expect(await node.add(a)).toEqual(first);
    const moved = { ...a, netns: node.net.add('other') };
    expect(linkOf(await node.add(moved))).toBe(linkOf(first));
    expect(moved.netns.ip('-br', 'link')).toContain('eth0');
    expect(a.netns.ip('-br', 'link')).not.toContain('eth0');
  }, TEST_MS);

  scenario('a new sandbox of the same pod takes the link over; the late DEL of the old one does not touch it', async () => {
    const old = await pod('again');
    const first = await node.add(old);
    const next = { ...old, containerId: `x${old.containerId.slice(1)}`, netns: node.net.add('again2') };
    const second = await node.add(next);
    expect(linkOf(second)).toBe(linkOf(first));
    await node.del(old);
    const peer = await pod();
    await node.add(peer);
    for (const ip of ipsOf(second)) expect(pings(peer, ip)).toBe(true);
    expect((await node.annotations(next))['cni.projectcalico.org/podIP']).toBe(`${ipsOf(second)[0]}/32`);
    await node.del(next);
  }, TEST_MS);

  scenario('takes pools from the pod\'s annotations, and says which one is missing', async () => {
    await node.kube.create(calico('ippools'), { apiVersion: 'projectcalico.org/v3', kind: 'IPPool', metadata: { name: 'special' }, spec: { cidr: '10.66.0.0/28', blockSize: 30, nodeSelector: '!all()' } });
    const [good, bad] = [await pod('good'), await pod('bad')];
    for (const [p, pool] of [[good, 'special'], [bad, 'none']] as const) {
      await node.kube.patch(PODS, p.name, { metadata: { annotations: { 'cni.projectcalico.org/ipv4pools': `["${pool}"]` } } }, { namespace: 'default', type: 'merge' });
    }
    const result = await eventually(SOON_MS, () => node.add(good));
    expect(ipsOf(result)[0]).toMatch(/^10\.66\.0\./);
    const { json } = await node.cni('ADD', bad);
    expect(json).toMatchObject({ code: 100, msg: 'no IPv4 address: pool none: there is no such pool' });
    await node.del(good);
    await node.kube.delete(calico('ippools'), 'special');
    for (const kind of ['blockaffinities', 'ipamblocks']) {
      for (const o of (await node.kube.list(calico(kind))).items) if (o.metadata.name.includes('10-66-0-')) await node.kube.delete(calico(kind), o.metadata.name);
    }
  }, TEST_MS);
});

describe('DEL', () => {
  scenario('takes everything back, empties the annotations, and is safe to repeat', async () => {
    const a = await pod();
    await node.add(a);
    await node.del(a);
    expect(a.netns.path).toBeDefined();
    await eventually(SOON_MS, async () => { expect(await node.fingerprint()).toEqual(empty); });
    expect(await node.annotations(a)).toEqual({
      'cni.projectcalico.org/containerID': a.containerId, 'cni.projectcalico.org/podIP': '', 'cni.projectcalico.org/podIPs': '',
    });
    await node.del(a);
  }, TEST_MS);

  scenario('works without a namespace, when the namespace is gone, and for a pod that is gone', async () => {
    const [a, b] = [await pod(), await pod()];
    await Promise.all([node.add(a), node.add(b)]);
    expect((await node.cni('DEL', a, {}, { CNI_NETNS: '' })).status).toBe(0);
    sh('ip', 'netns', 'del', b.netns.full);
    await node.kube.delete(PODS, b.name, { namespace: 'default' });
    await node.del(b);
  }, TEST_MS);

  scenario('of a container nobody knows is success', async () => {
    const a = await pod();
    expect(await node.cni('DEL', a)).toMatchObject({ status: 0, stdout: '' });
  }, TEST_MS);

  scenario('of a container that another agent attached finds link and addresses without a record', async () => {
    const a = await pod();
    await node.add(a);
    await node.agent.kill();
    node.forgetRecords();
    await node.startAgent();
    await node.del(a);
    expect(a.netns.ip('-br', 'link')).not.toContain('eth0');
  }, TEST_MS);
});

describe('an agent that is away', () => {
  scenario('ADD is error 11, a DEL is queued and carried out when it is back, and running pods notice nothing', async () => {
    const [a, b, c] = [await pod(), await pod(), await pod()];
    const ips = ipsOf(await node.add(b));
    await node.add(a);
    await node.add(c);
    await node.agent.kill();
    expect((await node.cni('ADD', await pod())).json).toMatchObject({ code: 11 });
    expect((await node.cni('STATUS', undefined)).json).toMatchObject({ code: 50 });
    expect((await node.cni('DEL', c)).status).toBe(0);
    for (const ip of ips) expect(pings(a, ip)).toBe(true);
    await node.startAgent();
    await eventually(SOON_MS, async () => { expect(await node.fingerprint()).toMatchObject({ queue: [], records: [expect.anything(), expect.anything()] }); });
    for (const ip of ips) expect(pings(a, ip)).toBe(true);
    await node.add(c);
  }, TEST_MS);
});

describe('CHECK, GC and STATUS', () => {
  scenario('CHECK accepts what ADD made, and names what is missing', async () => {
    const a = await pod();
    const previous = await node.add(a);
    expect(await node.cni('CHECK', a, { prevResult: previous })).toMatchObject({ status: 0, stdout: '' });
    a.netns.ip('neigh', 'del', '169.254.1.1', 'dev', 'eth0');
    expect((await node.cni('CHECK', a, { prevResult: previous })).json).toMatchObject({ code: 102, msg: 'pod: link eth0 has no permanent neighbour 169.254.1.1' });
    a.netns.ip('link', 'del', 'eth0');
    expect((await node.cni('CHECK', a, { prevResult: previous })).json).toMatchObject({ code: 102, msg: expect.stringMatching(/^node: link cali\w+ is not there$/) });
    expect((await node.cni('CHECK', await pod())).json).toMatchObject({ code: 3 });
  }, TEST_MS);

  scenario('GC takes down what the runtime does not have', async () => {
    const [keep, drop] = [await pod(), await pod()];
    await Promise.all([node.add(keep), node.add(drop)]);
    const handles = async (): Promise<number> => (await node.fingerprint() as { handles: string[] }).handles.length;
    expect((await node.cni('GC', undefined, { name: 'another-network', 'cni.dev/valid-attachments': [] })).status).toBe(0);
    expect(await handles()).toBe(2);
    const valid = [{ containerID: keep.containerId, ifname: 'eth0' }];
    expect((await node.cni('GC', undefined, { 'cni.dev/valid-attachments': valid })).status).toBe(0);
    expect((await node.fingerprint() as { handles: string[] }).handles).toEqual([`k8s-pod-network.${keep.containerId}`]);
    expect((await node.cni('GC', undefined)).json).toMatchObject({ code: 7, msg: expect.stringContaining('cni.dev/valid-attachments: is missing') });
  }, TEST_MS);

  scenario('STATUS of a ready agent is success', async () => { expect(await node.cni('STATUS', undefined)).toMatchObject({ status: 0, stdout: '' }); }, TEST_MS);
});

describe('bad input', () => {
  const cases: readonly (readonly [string, Record<string, unknown>, Record<string, string>, number, string])[] = [
    ['a field of a wrong type', { mtu: 'large' }, {}, 7, 'mtu: "large" is not valid: expected an integer'],
    ['a version of tomorrow', { cniVersion: '7.0.0' }, {}, 1, 'cniVersion: "7.0.0" is not supported'],
    ['another node\'s configuration', { nodename: 'n2' }, {}, 7, 'nodename: "n2" is not this node: expected "n1"'],
    ['a previous result', { prevResult: { cniVersion: '1.0.0', ips: [] } }, {}, 7, 'prevResult: another plugin has made an interface already'],
    ['a namespace that does not exist', {}, { CNI_NETNS: '/run/netns/nowhere' }, 4, 'CNI_NETNS: NETNS_OPEN'],
    ['a file that is no namespace', {}, { CNI_NETNS: '/etc/hostname' }, 4, 'it is not a network namespace'],
    ['a name that no API object can have', {}, { CNI_CONTAINERID: 'under_score' }, 4, 'cannot be part of an API object\'s name'],
    ['a pod that does not exist', {}, { CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=nobody' }, 101, 'pod default/nobody does not exist'],
    ['a pod that has been replaced', {}, { CNI_ARGS: 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=first;K8S_POD_UID=other' }, 101, 'pod default/first is another one by now'],
  ];
  for (const [what, changes, env, code, message] of cases) {
    scenario(`${what} is error ${code}, and leaves nothing behind`, async () => {
      const a = await pod();
      const { status, json } = await node.cni('ADD', a, changes, env);
      expect([status, json]).toEqual([1, expect.objectContaining({ code, msg: expect.stringContaining(message) })]);
    }, TEST_MS);
  }

  scenario('the node\'s own namespace is refused', async () => {
    const { json } = await node.cni('ADD', await pod(), {}, { CNI_NETNS: node.node.path });
    expect(json).toMatchObject({ code: 4, msg: expect.stringContaining("the node's own network namespace") });
  }, TEST_MS);

  scenario('a second interface in the same network is refused', async () => {
    const a = await pod();
    await node.add(a);
    expect((await node.cni('ADD', a, {}, { CNI_IFNAME: 'eth1' })).json).toMatchObject({ code: 2, msg: expect.stringContaining('eth1 would be a second interface') });
  }, TEST_MS);
});

describe('repairs', () => {
  scenario('routes of pods that somebody flushes are back by themselves', async () => {
    const a = await pod();
    const ips = ipsOf(await node.add(a));
    const routes = [...node.node.routes(4, 'proto', '85'), ...node.node.routes(6, 'proto', '85')];
    node.node.ip('route', 'flush', 'proto', '85');
    node.node.ip('-6', 'route', 'flush', 'proto', '85');
    await eventually(SOON_MS, () => { expect([...node.node.routes(4, 'proto', '85'), ...node.node.routes(6, 'proto', '85')]).toEqual(routes); });
    expect(ips).toHaveLength(2);
  }, TEST_MS);

  scenario('a route of somebody else to a pod\'s address is named, not overwritten', async () => {
    const peer = await pod();
    await node.add(peer);
    const cidr = (await blocks()).find((b) => b.cidr.includes('.'))!;
    const next = `10.244.0.${Number(cidr.cidr.split(/[./]/)[3]) + cidr.unallocated[0]!}`;
    node.node.ip('route', 'add', next, 'dev', 'lo');
    const a = await pod();
    expect((await node.cni('ADD', a)).json).toMatchObject({ code: 101, msg: expect.stringContaining('somebody else has a route to it') });
    expect(node.node.routes(4, next)).toEqual([expect.objectContaining({ dev: 'lo' })]);
    node.node.ip('route', 'del', next, 'dev', 'lo');
  }, TEST_MS);
});

scenario('the IPAM plugin alone gives addresses with the length of their block, and takes them back', async () => {
  const a = await pod();
  const path = join(node.net.directory, 'tortie-ipam');
  symlinkSync(resolve('build/tortie-cni'), path);
  const result = await node.cni('ADD', a, {}, {}, path);
  expect(result.json).toMatchObject({ ips: [{ address: expect.stringMatching(/^10\.244\.0\.\d+\/26$/) }, { address: expect.stringMatching(/\/122$/) }], routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] });
  expect(result.json['interfaces']).toBeUndefined();
  expect(a.netns.ip('-br', 'link')).not.toContain('eth0');
  expect((await node.cni('DEL', a, {}, {}, path)).status).toBe(0);
}, TEST_MS);

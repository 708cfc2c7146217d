/** What users and strangers get wrong: each gives a clear error, or the right NOTIFICATION, and everything else keeps working. */
import { expect } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { TOR, machineDirectory, nodeAddress } from '../../lab/plan.ts';
import { run, type ExecResult } from '../../sys/exec.ts';
import { kubectlPath } from '../support/capabilities.ts';
import { eventually } from '../support/eventually.ts';
import { established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 2 });
const SOON_MS = 20_000;
/** A speaker waits before it takes a connection from a peer that has just erred. */
const DAMPED_MS = 60_000;

const apply = (lab: Lab, manifest: object): Promise<ExecResult> =>
  run(kubectlPath(), ['--kubeconfig', lab.kubeconfig, 'apply', '-f', '-'], { stdin: JSON.stringify(manifest) });

const resource = (kind: string, name: string, spec: object): object => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name }, spec });

/** What the node's agent reports as problems, through the API server's pod proxy. */
async function problems(lab: Lab, node: string): Promise<string> {
  return (await lab.kubectl('get', '--raw', `/api/v1/namespaces/kube-system/pods/tortie-agent-${node}:9098/proxy/v1/problems`)).stdout;
}

/** A pod can still be started on each node, and they reach each other both ways. */
async function everythingElseWorks(lab: Lab, suffix: string): Promise<void> {
  const [a, b] = await Promise.all([lab.pod(`a${suffix}`, { node: 'n1' }), lab.pod(`b${suffix}`, { node: 'n2' })]);
  await established(lab);
  await eventually(SOON_MS, async () => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      expect(await lab.reaches(a.name, b, { proto: 'tcp', family })).toBeDefined();
      expect(await lab.reaches(b.name, a, { proto: 'tcp', family })).toBeDefined();
    }
  });
  await Promise.all([lab.deletePod(a.name), lab.deletePod(b.name)]);
}

scenario('a BGPPeer with AS 0 is refused or reported by field and value, and no session suffers', async (lab) => {
  await established(lab);
  const { status, stderr } = await apply(lab, resource('BGPPeer', 'zero', { peerIP: '10.99.0.77', asNumber: 0 }));
  const said = status === 0 ? await eventually(SOON_MS, async () => {
    const text = await problems(lab, 'n1');
    expect(text).toContain('BGPPeer/zero');
    return text;
  }) : stderr;
  expect(said).toMatch(/asNumber/);
  expect((await lab.status('n1'))!.peers.map((p) => p.address)).not.toContain('10.99.0.77');
  await everythingElseWorks(lab, '1');
  await lab.kubectl('delete', 'bgppeers.projectcalico.org', 'zero', '--ignore-not-found');
});

scenario('an IPPool that overlaps another is reported by name, and pods get addresses as before', async (lab) => {
  expect((await apply(lab, resource('IPPool', 'overlapping', { cidr: '10.244.128.0/17', ipipMode: 'Never', vxlanMode: 'Never', nodeSelector: 'all()' }))).stderr).toBe('');
  await eventually(SOON_MS, async () => { expect(await problems(lab, 'n1')).toMatch(/IPPool\/overlapping.*default-ipv4-ippool/s); });
  await everythingElseWorks(lab, '2');
  await lab.kubectl('delete', 'ippools.projectcalico.org', 'overlapping');
});

scenario('an IPPool that asks for a tunnel, which is not built yet, is reported and not silently routed', async (lab) => {
  expect((await apply(lab, resource('IPPool', 'tunnelled', { cidr: '10.246.0.0/24', ipipMode: 'Always', vxlanMode: 'Never', nodeSelector: '!all()' }))).stderr).toBe('');
  await eventually(SOON_MS, async () => { expect(await problems(lab, 'n1')).toMatch(/IPPool\/tunnelled.*ipipMode/s); });
  await lab.kubectl('delete', 'ippools.projectcalico.org', 'tunnelled');
  await eventually(SOON_MS, async () => { expect(await problems(lab, 'n1')).not.toContain('tunnelled'); });
});

scenario('a conflist with a field of a wrong type fails ADD by field and value, on that node only', async (lab) => {
  const path = join(machineDirectory(lab.name, 'n1'), 'disk/cni-conf/10-tortie.conflist');
  const good = readFileSync(path, 'utf8');
  const list = JSON.parse(good) as { plugins: Record<string, unknown>[] };
  writeFileSync(path, JSON.stringify({ ...list, plugins: list.plugins.map((p, i) => (i === 0 ? { ...p, mtu: 'large' } : p)) }));

  await expect(lab.pod('refused', { node: 'n1', timeoutMs: 3_000 })).rejects.toThrow(/mtu.*large|large.*mtu/);
  await lab.pod('other', { node: 'n2' });
  writeFileSync(path, good);

  await eventually(SOON_MS, async () => { expect((await lab.view()).pods.map((p) => p.name)).toContain('refused'); });
  await Promise.all([lab.deletePod('refused'), lab.deletePod('other')]);
});

/** Sends bytes from the ToR router's address to a node's port 179, and gives what came back until it closed. */
async function sayToSpeaker(lab: Lab, bytes: Buffer): Promise<Buffer> {
  const script = `
    const socket = require('node:net').connect({ host: '${nodeAddress(1).address4}', port: 179, localAddress: '${TOR.address4}' });
    const parts = [];
    socket.on('connect', () => { socket.write(Buffer.from('${bytes.toString('hex')}', 'hex')); });
    socket.on('data', (part) => { parts.push(part); });
    socket.on('error', () => {});
    socket.on('close', () => { process.stdout.write(Buffer.concat(parts).toString('hex')); process.exit(0); });
    setTimeout(() => { socket.destroy(); }, 5000);`;
  return Buffer.from((await lab.tor.execOrThrow([process.execPath, '-e', script])), 'hex');
}

const MARKER = Buffer.alloc(16, 0xff);
const message = (type: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(3);
  head.writeUInt16BE(19 + body.length, 0);
  head[2] = type;
  return Buffer.concat([MARKER, head, body]);
};
/** Version 4, the AS, hold time 90 s, identifier 10.99.0.1, capability: IPv4 unicast. */
function open(asn: number): Buffer {
  const body = Buffer.from('0400005a0a630001080206010400010001'.replace('040000', `04${asn.toString(16).padStart(4, '0')}00`), 'hex');
  return message(1, body);
}
const KEEPALIVE = message(4, Buffer.alloc(0));
/** Says that 64 octets of withdrawn routes follow, and ends. */
const TRUNCATED_UPDATE = message(2, Buffer.from('00400000', 'hex'));

/** Code and subcode of the NOTIFICATION in what came back. */
function notificationIn(bytes: Buffer): [number, number] | undefined {
  for (let at = 0; at + 21 <= bytes.length; at += Math.max(19, bytes.readUInt16BE(at + 16))) {
    if (bytes[at + 18] === 3) return [bytes[at + 19]!, bytes[at + 20]!];
  }
  return undefined;
}

scenario('garbage, an OPEN with a wrong AS and a truncated UPDATE from the ToR router\'s address get the right NOTIFICATION, and only its session is touched', async (lab) => {
  await established(lab);
  const since = (await lab.status('n1'))!.peers.filter((p) => p.origin === 'mesh').map((p) => [p.name, p.sinceMs]);
  await lab.birdc('disable n1_v4');

  const connectionNotSynchronized = [1, 1];
  const badPeerAs = [2, 2];
  const malformedAttributeList = [3, 1];
  await eventually(DAMPED_MS, async () => { expect(notificationIn(await sayToSpeaker(lab, Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n')))).toEqual(connectionNotSynchronized); });
  await eventually(DAMPED_MS, async () => { expect(notificationIn(await sayToSpeaker(lab, open(64999)))).toEqual(badPeerAs); });
  await eventually(DAMPED_MS, async () => {
    expect(notificationIn(await sayToSpeaker(lab, Buffer.concat([open(65000), KEEPALIVE, TRUNCATED_UPDATE])))).toEqual(malformedAttributeList);
  });

  await lab.birdc('enable n1_v4');
  await established(lab);
  expect((await lab.status('n1'))!.peers.filter((p) => p.origin === 'mesh').map((p) => [p.name, p.sinceMs])).toEqual(since);
  await everythingElseWorks(lab, '3');
}, 240_000);

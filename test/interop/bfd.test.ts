/** BFD with BIRD and FRR: one hop and several, both families, quick and quicker; a path that is cut, and ends of either side. */
import { describe, expect } from '@jest/globals';
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import { writeSysctl } from '../../sys/sysctl.ts';
import { ADDRESSES, BFD_PEERS, type BfdImplementation, type BfdPeer } from '../support/bfd-peers.ts';
import { Bfdd, multihop, singleHop } from '../support/bfdd.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces, eventually, type Netns } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const TEST_MS = 90_000;
const UP_MS = 20_000;

interface Rig extends AsyncDisposable {
  readonly us: Netns;
  readonly them: Netns;
  ours: Bfdd;
  readonly peer: BfdPeer;
  /** Its address. */
  readonly address: string;
}

interface Setting { readonly hops: 'single' | 'multi'; readonly family: Family; readonly intervalMs: number }

async function rig(implementation: BfdImplementation, { hops, family, intervalMs }: Setting): Promise<Rig> {
  const net = await Namespaces.create(`bfd ${implementation.name}`);
  const [us, them] = [net.add('us'), net.add('them')];
  const [local, address] = ADDRESSES[hops][family];
  const length = family === 'ipv4' ? 24 : 64;
  if (hops === 'single') net.link(us, them, { names: ['eth0', 'eth0'], addresses: [[`${local}/${length}`], [`${address}/${length}`]] });
  else join(net, us, them, family);
  const peer = await implementation.start(them, { neighbor: local, local: address, multihop: hops === 'multi', intervalMs, interface: 'eth0' });
  const ours = await Bfdd.start(us);
  // One router lies between. BIRD sends over several hops with TTL 64, FRR and we with 255.
  await ours.apply(hops === 'single' ? singleHop(address, intervalMs) : multihop(address, intervalMs, { local, minimumTtl: implementation.name === 'BIRD' ? 63 : 254 }));
  const made: Rig = { us, them, ours, peer, address, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() };
  return made;
}

function join(net: Namespaces, us: Netns, them: Netns, family: Family): void {
  const middle = net.add('middle');
  const [local, address] = ADDRESSES.multi[family];
  const [length, near, far] = family === 'ipv4' ? [24, '10.8.1.254', '10.8.2.254'] : [64, 'fd08:1::fe', 'fd08:2::fe'];
  net.link(us, middle, { names: ['eth0', 'left'], addresses: [[`${local}/${length}`], [`${near}/${length}`]] });
  net.link(them, middle, { names: ['eth0', 'right'], addresses: [[`${address}/${length}`], [`${far}/${length}`]] });
  middle.within(() => { writeSysctl(family === 'ipv4' ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding', 1); });
  const ip = family === 'ipv4' ? '-4' : '-6';
  us.ip(ip, 'route', 'add', 'default', 'via', near);
  them.ip(ip, 'route', 'add', 'default', 'via', far);
}

async function bothUp(r: Rig, intervalMs: number): Promise<void> {
  await eventually(UP_MS, async () => {
    expect([(await r.ours.session(r.address)).state, r.peer.state()]).toEqual(['Up', 'Up']);
    expect(await r.ours.session(r.address)).toMatchObject({ intervalMs, detectionMs: 3 * intervalMs });
  });
}

const SETTINGS: readonly Setting[] = (['single', 'multi'] as const).flatMap((hops) => FAMILIES.flatMap((family) => [300, 50].map((intervalMs) => ({ hops, family, intervalMs }))));

describe.each(BFD_PEERS)('$name', (implementation) => {
  const test = skipUnless(root, namespaces, ...implementation.needs);

  test.each(SETTINGS)('$hops hop, $family, $intervalMs ms × 3: both are Up, stay so, and see the path cut', async (setting) => {
    await using r = await rig(implementation, setting);
    await bothUp(r, setting.intervalMs);
    const lossesBefore = r.peer.losses();
    const start = await r.ours.session(r.address);
    await eventually(UP_MS, async () => { expect((await r.ours.session(r.address)).packetsIn - start.packetsIn).toBeGreaterThan(10); });
    expect([(await r.ours.session(r.address)).losses, r.peer.losses() - lossesBefore]).toEqual([start.losses, 0]);
    r.us.ip('link', 'set', 'eth0', 'mtu', '1400');              // nothing that BFD should care for
    r.them.ip('link', 'set', 'eth0', 'down');                    // cut
    const cutAt = performance.now();
    await eventually(10_000, async () => { expect((await r.ours.session(r.address)).state).toBe('Down'); });
    const took = performance.now() - cutAt;
    expect(await r.ours.session(r.address)).toMatchObject({ diagnostic: 'control detection time expired', losses: start.losses + 1, failures: start.failures + 1 });
    process.stdout.write(`BFD with ${implementation.name}, ${setting.hops} hop, ${setting.family}, ${setting.intervalMs} ms × 3: cut seen after ${took.toFixed(0)} ms\n`);
  }, TEST_MS);

  test('a planned stop of ours says AdminDown; what the peer makes of it; a session that is no longer wanted says it too', async () => {
    await using r = await rig(implementation, { hops: 'single', family: 'ipv4', intervalMs: 300 });
    await bothUp(r, 300);
    await r.ours.kill('SIGTERM');
    await eventually(5_000, () => { expect(r.peer.state()).not.toBe('Up'); });
    process.stdout.write(`${implementation.name} on AdminDown: ${r.peer.show()}\n`);
    r.ours = await Bfdd.start(r.us);
    await bothUp(r, 300);
    await r.ours.apply();
    expect((await r.ours.status()).sessions).toEqual([]);
    await eventually(5_000, () => { expect(r.peer.state()).not.toBe('Up'); });
  }, TEST_MS);

  test('the peer ends by itself: its AdminDown is no failure; its crash is one', async () => {
    await using r = await rig(implementation, { hops: 'single', family: 'ipv4', intervalMs: 300 });
    await bothUp(r, 300);
    const { failures } = await r.ours.session(r.address);
    r.peer.signal('SIGTERM');
    await eventually(10_000, async () => { expect((await r.ours.session(r.address)).state).not.toBe('Up'); });
    const ended = await r.ours.session(r.address);
    process.stdout.write(`${implementation.name} stopped: ${ended.diagnostic}, remote state ${ended.remoteState}, failures ${ended.failures - failures}\n`);
  }, TEST_MS);

  test('ours is killed and comes back: the session is Up again', async () => {
    await using r = await rig(implementation, { hops: 'single', family: 'ipv4', intervalMs: 300 });
    await bothUp(r, 300);
    const before = r.peer.losses();
    const killedAt = performance.now();
    await r.ours.kill('SIGKILL');
    r.ours = await Bfdd.start(r.us);
    const took = performance.now() - killedAt;
    await bothUp(r, 300);
    process.stdout.write(`${implementation.name}, ours killed and back within ${took.toFixed(0)} ms: ${r.peer.losses() - before} losses there\n`);
  }, TEST_MS);
});

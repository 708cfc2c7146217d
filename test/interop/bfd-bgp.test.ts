/** BFD beside BGP with BIRD and FRR: bgpd killed again and again, a planned stop of bfdd, a path that is cut. */
import { describe, expect } from '@jest/globals';
import { BFD_PEERS, type BfdImplementation, type BfdPeer } from '../support/bfd-peers.ts';
import { Bfdd } from '../support/bfdd.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { Namespaces, eventually, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const TEST_MS = 120_000;
const UP_MS = 30_000;
const [US, THEM] = ['10.9.0.1', '10.9.0.2'];
const KILLS = 5;

interface Rig extends AsyncDisposable { readonly us: Netns; readonly them: Netns; ours: Bfdd; readonly speaker: OurSpeaker; readonly peer: BfdPeer }

async function rig(implementation: BfdImplementation): Promise<Rig> {
  const net = await Namespaces.create(`bfd bgp ${implementation.name}`);
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { names: ['eth0', 'eth0'], addresses: [[`${US}/24`], [`${THEM}/24`]] });
  const peer = await implementation.start(them, { neighbor: US, local: THEM, multihop: false, intervalMs: 300, interface: 'eth0', bgp: { asn: 65002, ourAsn: 65001 } });
  const ours = await Bfdd.start(us);
  const speaker = await OurSpeaker.start(us, speakerConfig({
    asn: 65001, routerId: '192.0.2.1',
    peers: [{ name: 'them', address: THEM, asn: 65002, families: ['ipv4'], holdTimeSeconds: 90, bfd: { hops: 'auto', transmitMs: 300, receiveMs: 300, multiplier: 3 } }],
  }));
  const made: Rig = { us, them, ours, speaker, peer, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() };
  return made;
}

async function allUp(r: Rig): Promise<void> {
  await eventually(UP_MS, async () => {
    const { state, bfd } = await r.speaker.peer('them');
    expect([state, bfd?.state, r.peer.bgp(), r.peer.state()]).toEqual(['Established', 'Up', 'Established', 'Up']);
  });
}

describe.each(BFD_PEERS)('$name', (implementation) => {
  const test = skipUnless(root, namespaces, ...implementation.needs, program('birdc'));

  test(`bgpd is killed ${KILLS} times: the peer sees no BFD down`, async () => {
    await using r = await rig(implementation);
    await allUp(r);
    const [before, ours] = [r.peer.losses(), await r.ours.session(THEM)];
    for (let i = 0; i < KILLS; i++) {
      r.speaker.process.signal('SIGKILL');
      await r.speaker.startAgain();
      await allUp(r);
    }
    expect(r.peer.losses() - before).toBe(0);
    expect(await r.ours.session(THEM)).toMatchObject({ discriminator: ours.discriminator, losses: ours.losses, sinceMs: ours.sinceMs });
  }, TEST_MS);

  test('a planned stop of bfdd ends no session of BGP here; what it does there is printed', async () => {
    await using r = await rig(implementation);
    await allUp(r);
    const { sinceMs } = await r.speaker.peer('them');
    await r.ours.kill('SIGTERM');
    await eventually(5_000, () => { expect(r.peer.state()).not.toBe('Up'); });
    const after = r.peer.bgp();
    r.ours = await Bfdd.start(r.us);
    await allUp(r);
    const kept = (await r.speaker.peer('them')).sinceMs === sinceMs;
    process.stdout.write(`${implementation.name}, AdminDown: ${r.peer.show()}; its BGP session right after: ${after}; the session was kept: ${kept ? 'yes' : `no, ${(await r.speaker.peer('them')).lastError ?? ''}`}\n`);
    expect((await r.speaker.peer('them')).bfd).toMatchObject({ ended: 0 });
  }, TEST_MS);

  test('the path is cut: the BGP session ends within the detection time, not the hold time, and comes back', async () => {
    await using r = await rig(implementation);
    await allUp(r);
    const cutAt = performance.now();
    r.them.ip('link', 'set', 'eth0', 'down');
    await eventually(20_000, async () => { expect(await r.speaker.peer('them')).toMatchObject({ state: expect.not.stringMatching('Established') as unknown as string, bfd: { ended: 1 } }); });
    process.stdout.write(`${implementation.name}: BGP ended ${(performance.now() - cutAt).toFixed(0)} ms after the cut, ${(await r.speaker.peer('them')).lastError ?? ''}\n`);
    r.them.ip('link', 'set', 'eth0', 'up');
    await allUp(r);
  }, TEST_MS);
});

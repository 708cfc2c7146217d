/** A node gets other addresses: its sessions move, its routes follow, and nobody knows the old ones any more. */
import { expect } from '@jest/globals';
import { flat } from '../../lab/topology.ts';
import { eventually } from '../support/eventually.ts';
import { CONVERGED_MS, allPass, annotate, blocksOf, configureRouter, gatewaysOf, scenariosOf, sessionsAre } from '../support/lab.ts';

const TOPOLOGY = flat(3);
const scenario = scenariosOf({ topology: TOPOLOGY });
const OLD = { ipv4: '10.99.0.12', ipv6: 'fd99::12' };
const NEW = { ipv4: '10.99.0.112', ipv6: 'fd99::112' };
const [TOR] = TOPOLOGY.routers;

scenario('the annotations of a node change, as when it gets a new IP: sessions and routes follow, of the old address nothing is left', async (lab) => {
  const pods = await Promise.all(['n1', 'n2', 'n3'].map((node) => lab.pod(`on${node}`, { node })));
  const each = { n1: 6, n2: 6, n3: 6 };
  await sessionsAre(lab, each);
  await allPass(lab, pods);
  const n2 = lab.node('n2');

  await n2.execOrThrow(['sh', '-c', `sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1 && ip addr add ${NEW.ipv4}/24 dev eth0 && ip addr add ${NEW.ipv6}/64 dev eth0 nodad`]);
  await annotate(lab, 'n2', `projectcalico.org/IPv4Address=${NEW.ipv4}/24`, `projectcalico.org/IPv6Address=${NEW.ipv6}/64`);
  await configureRouter(lab, 'tor', TOR!.bird.replaceAll(OLD.ipv4, NEW.ipv4).replaceAll(OLD.ipv6, NEW.ipv6));
  await n2.execOrThrow(['sh', '-c', `ip addr del ${OLD.ipv4}/24 dev eth0 && ip addr del ${OLD.ipv6}/64 dev eth0`]);

  await sessionsAre(lab, each);
  expect((await lab.status('n2'))!.routerId).toBe(NEW.ipv4);
  const blocks = await blocksOf(lab, 'n2');
  expect(blocks).toHaveLength(2);
  await eventually(CONVERGED_MS, async () => {
    for (const place of [lab.node('n1'), lab.node('n3')]) {
      for (const block of blocks) expect(await gatewaysOf(place, block)).toEqual([block.includes(':') ? NEW.ipv6 : NEW.ipv4]);
      expect((await lab.status(place.name))!.peers.map((p) => p.address)).toEqual(expect.arrayContaining([NEW.ipv4, NEW.ipv6]));
    }
    for (const place of [lab.node('n1'), lab.node('n3'), n2, lab.tor]) {
      const routes = await place.execOrThrow(['sh', '-c', 'ip route show table all; ip -6 route show table all']);
      expect(routes.split('\n').filter((line) => /10\.99\.0\.12\b|fd99::12\b/.test(line))).toEqual([]);
    }
    for (const node of ['n1', 'n3']) expect(JSON.stringify(await lab.status(node))).not.toMatch(/10\.99\.0\.12"|fd99::12"/);
    expect(await lab.birdc('show protocols all n2_v4')).toContain(`Neighbor address: ${NEW.ipv4}`);
  });
  await allPass(lab, pods);

  // Its agent still asks and hears, though its connections began at an address that is gone.
  const another = await lab.pod('another', { node: 'n2' });
  await allPass(lab, [...pods, another]);
  await annotate(lab, 'n2', 'tortie.io/graceful-shutdown=true');
  const own = blocks.find((b) => !b.includes(':'))!;
  await eventually(CONVERGED_MS, async () => { expect(await lab.birdc(`show route all for ${own} protocol n2_v4`)).toContain('(65535,0)'); });
}, 180_000);

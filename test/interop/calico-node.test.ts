/** A node of Calico's (BIRD 1.6, configured as its templates do) in one mesh with a node of ours. */
import { expect } from '@jest/globals';
import type { SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { speakerConfigFor } from '../../config/translate/speaker.ts';
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import { bird1, CalicoBird } from '../support/bird1.ts';
import type { CalicoNodeSettings } from '../support/calico-configuration.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { cluster, node, type Written } from '../support/cluster-builders.ts';
import { Namespaces, eventually, type IpRoute, type Netns } from '../support/namespaces.ts';
import { OurSpeaker } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const scenario = skipUnless(root, namespaces, bird1);
const UP_MS = 20_000;
const INTEROP_MS = 180_000;
const POOLS = { ipv4: '10.244.0.0/16', ipv6: 'fd00:244::/48' };
const OURS = { ipv4: '10.244.1.0/26', ipv6: 'fd00:244:0:1::/122' };
const THEIRS = { ipv4: '10.244.2.0/26', ipv6: 'fd00:244:0:2::/122' };
/** LOCAL_PREF of a route of metric 1024. */
const NORMAL = 2_147_482_623;

type Addresses = Readonly<Record<Family, string>>;
interface Mesh extends AsyncDisposable { readonly us: Netns; readonly them: Netns; readonly ours: OurSpeaker; readonly calico: CalicoBird; readonly at: { readonly us: Addresses; readonly them: Addresses } }

const affinity = (owner: string, cidr: string): Written =>
  ({ kind: 'BlockAffinity', name: `${owner}-${cidr.replaceAll(/[./:]/g, '-')}`, spec: { cidr, node: owner, state: 'confirmed', type: 'host', deleted: false } });

/** What the agent of our node would say. */
function configOf(us: Addresses, them: Addresses, theirAsn: number): SpeakerConfig {
  const { value, problems } = speakerConfigFor(cluster([
    node('ours', { v4: `${us.ipv4}/24`, v6: `${us.ipv6}/64` }), node('calico', { v4: `${them.ipv4}/24`, v6: `${them.ipv6}/64`, asn: theirAsn }),
  ], [
    { kind: 'IPPool', name: 'p4', spec: { cidr: POOLS.ipv4 } }, { kind: 'IPPool', name: 'p6', spec: { cidr: POOLS.ipv6 } },
    affinity('ours', OURS.ipv4), affinity('ours', OURS.ipv6),
  ]), 'ours');
  expect(problems).toEqual([]);
  return value!;
}

async function mesh(ourEnd: number, theirEnd: number, theirAsn = 64512): Promise<Mesh> {
  const net = await Namespaces.create('calico node');
  try {
    const at = { us: addresses(ourEnd), them: addresses(theirEnd) };
    const [us, them] = [net.add('us'), net.add('calico')];
    net.link(us, them, { names: ['eth0', 'eth0'], addresses: [[`${at.us.ipv4}/24`, `${at.us.ipv6}/64`], [`${at.them.ipv4}/24`, `${at.them.ipv6}/64`]] });
    const settings: CalicoNodeSettings = { asn: theirAsn, addresses: at.them, peer: { asn: 64512, addresses: at.us }, pools: POOLS, blocks: THEIRS };
    const calico = await CalicoBird.start(them, settings);
    const ours = await OurSpeaker.start(us, configOf(at.us, at.them, theirAsn));
    return { us, them, ours, calico, at, [Symbol.asyncDispose]: () => net[Symbol.asyncDispose]() };
  } catch (error) {
    await net[Symbol.asyncDispose]();
    throw error;
  }
}

const addresses = (end: number): Addresses => ({ ipv4: `10.0.0.${end}`, ipv6: `fd00::${end}` });
const bits = { ipv4: 4, ipv6: 6 } as const;
const routeIn = (ns: Netns, family: Family, dst: string, protocol: string): IpRoute | undefined => ns.routes(bits[family], 'proto', protocol).find((r) => r.dst === dst && r.type !== 'blackhole');
const shortOf = (r: IpRoute | undefined): string => `via ${r?.gateway} metric ${r?.metric}`;

function linkLocalOf(ns: Netns): string {
  const [link] = ns.json('address', 'show', 'dev', 'eth0') as { addr_info: { local: string; scope: string }[] }[];
  return link!.addr_info.find((a) => a.scope === 'link')!.local;
}

/** Both blocks are in the other's kernel, under its mark. */
async function exchanged({ us, them, ours, calico, at }: Mesh, theirMetric = 1024): Promise<void> {
  await eventually(UP_MS, async () => {
    const states = (await ours.status()).peers.map((p) => `${p.state} ${p.info}`);
    expect([...states, ...FAMILIES.map((f) => calico.session(f))]).toEqual(['Established ', 'Established ', 'Established', 'Established']);
  });
  await eventually(UP_MS, () => {
    for (const f of FAMILIES) {
      expect([f, shortOf(routeIn(us, f, THEIRS[f], '84'))]).toEqual([f, `via ${at.them[f]} metric 1024`]);
      // IPv6: BIRD takes the link-local address that came with ours.
      expect([at.us[f], linkLocalOf(us)].map((a) => `via ${a} metric ${theirMetric}`)).toContain(shortOf(routeIn(them, f, OURS[f], 'bird')));
    }
  });
}

scenario.each([
  ['Calico waits for us, whose address sorts after its', 9, 10], ['Calico dials us, whose address sorts before its', 1, 2],
])('%s: routes both ways, with Calico\'s metric and LOCAL_PREF', async (_name, ourEnd, theirEnd) => {
  await using m = await mesh(ourEnd, theirEnd);
  await exchanged(m);
  for (const f of FAMILIES) {
    expect(m.calico.birdc(f, 'show', 'route', OURS[f], 'all')).toContain(`BGP.local_pref: ${NORMAL}`);
    const { routes } = await m.ours.routes({ family: f, prefix: THEIRS[f] });
    expect(routes[0]?.paths[0]).toMatchObject({ localPref: NORMAL, best: true, installed: true });
    const capabilities = m.calico.birdc(f, 'show', 'protocols', 'all');
    expect(/Neighbor caps:.*/.exec(capabilities)?.[0]).toMatch(/(?=.*refresh)(?=.*restart-able)(?=.*add-path-rx)(?=.*add-path-tx)(?=.*AS4)/);
  }
}, INTEROP_MS);

scenario('nodes of different AS numbers, as their annotations say', async () => {
  await using m = await mesh(1, 2, 64513);
  // LOCAL_PREF does not leave an AS: Calico takes BIRD's 100 for a metric.
  await exchanged(m, 2_147_483_647 - 100);
  const { routes } = await m.ours.routes({ family: 'ipv4', prefix: THEIRS.ipv4 });
  expect(routes[0]?.paths[0]?.asPath).toBe('64513');
}, INTEROP_MS);

scenario('the host route of a pod that migrates: a better metric than normal goes over the mesh, and into the kernel', async () => {
  await using m = await mesh(1, 2);
  await exchanged(m);
  m.them.ip('route', 'add', '10.244.2.7/32', 'dev', 'eth0', 'proto', 'static', 'metric', '512');
  await eventually(UP_MS, () => { expect(shortOf(routeIn(m.us, 'ipv4', '10.244.2.7', '84'))).toBe(`via ${m.at.them.ipv4} metric 512`); });
  m.them.ip('route', 'del', '10.244.2.7/32', 'metric', '512');
  await eventually(UP_MS, () => { expect(routeIn(m.us, 'ipv4', '10.244.2.7', '84')).toBeUndefined(); });
}, INTEROP_MS);

scenario('a restart on either side leaves every route in both kernels', async () => {
  await using m = await mesh(1, 2);
  await exchanged(m);
  const monitors = await Promise.all([m.us.monitorRoutes(), m.them.monitorRoutes()]);
  await m.calico.restart();
  await exchanged(m);
  m.ours.process.signal('SIGKILL');
  await m.ours.startAgain();
  await exchanged(m);
  const gone = (await Promise.all(monitors.map((monitor) => monitor.read()))).flat()
    .filter((line) => line.startsWith('Deleted') && [...Object.values(OURS), ...Object.values(THEIRS)].some((p) => line.includes(`${p} `)));
  expect(gone).toEqual([]);
}, INTEROP_MS);

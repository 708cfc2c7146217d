/** What a lab is made of: segments (L2 networks), machines with legs in them, routers' configurations. Plain data: it goes to the supervisor as JSON. */
import { OperationError } from '../lib/errors.ts';
import { CONTROL, HOST, TOR, TOR_ASN, TOR_TOWARDS_HOST, checkNodeCount, nodesOf } from './plan.ts';
import { birdConfiguration } from './router.ts';

/** One cable: device `eth0`, `eth1`, … in the order of a machine's legs. IPv4 addresses have /24, IPv6 addresses /64. */
export interface Leg {
  readonly segment: string;
  readonly address4?: string;
  readonly address6?: string;
}

export interface MachinePlan {
  /** 1 to 8 of a-z and 0-9: it becomes part of names of namespaces and links. */
  readonly name: string;
  readonly legs: readonly Leg[];
  /** Routes of its own, as the arguments of `ip route add`. */
  readonly routes?: readonly string[];
}

export interface RouterPlan extends MachinePlan {
  /** Its BIRD 2 configuration. */
  readonly bird: string;
}

/** Its first leg has the addresses that its annotations say. */
export interface NodePlan extends MachinePlan {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Topology {
  readonly segments: readonly string[];
  /** The machine of the API server; nodes of a segment reach it by its leg there. */
  readonly control: MachinePlan;
  readonly routers: readonly RouterPlan[];
  /** Machines with nothing but a network. */
  readonly hosts: readonly MachinePlan[];
  readonly nodes: readonly NodePlan[];
  /** BGPPeers that are there from the start: name → spec. */
  readonly peers: Readonly<Record<string, { readonly peerIP: string; readonly asNumber: number }>>;
}

/** One segment with all nodes and the ToR router, and a host behind it. */
export function flat(count: number): Topology {
  const nodes = nodesOf(checkNodeCount(count));
  const on = (segment: string, { address4, address6 }: { readonly address4: string; readonly address6: string }): Leg => ({ segment, address4, address6 });
  return {
    segments: ['lan', 'outside'],
    control: { name: CONTROL.name, legs: [on('lan', CONTROL)] },
    routers: [{ name: TOR.name, legs: [on('lan', TOR), on('outside', TOR_TOWARDS_HOST)], bird: birdConfiguration(nodes) }],
    hosts: [{
      name: HOST.name, legs: [on('outside', HOST)],
      routes: [`default via ${TOR_TOWARDS_HOST.address4}`, `default via ${TOR_TOWARDS_HOST.address6}`],
    }],
    nodes: nodes.map((n) => ({ name: n.name, legs: [on('lan', n)] })),
    peers: { 'tor-v4': { peerIP: TOR.address4, asNumber: TOR_ASN }, 'tor-v6': { peerIP: TOR.address6, asNumber: TOR_ASN } },
  };
}

export interface RackPlan {
  readonly nodes: number;
  /** AS number of its ToR routers. */
  readonly asn: number;
}

/** Their numbers stand in the last byte of the spine's addresses. */
const MAXIMUM_RACKS = 24;

export function checkRackCount(count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > MAXIMUM_RACKS) throw new OperationError('LAB_RACKS', { racks: count, expected: `1 to ${MAXIMUM_RACKS}` });
  return count;
}

/** Seconds that a dead router goes unnoticed, at most. */
export const RACK_HOLD_SECONDS = 9;

/**
 * Racks 1, 2, …: rack R is a segment of its own (10.99.R.0/24, fd99:R::/64) with ToR routers `torRa` and `torRb` (.1 and .2) and its nodes
 * (.11, …; label `rack`). The racks' routers are joined by a spine segment and by eBGP; they announce their rack's network and what the
 * nodes announce, to nodes of whatever other AS. Nodes send packets for other racks to both of their routers.
 */
export function racks(plans: readonly RackPlan[]): Topology {
  checkRackCount(plans.length);
  let last = 0;
  const all = plans.map(({ nodes, asn }, i) => rack(i + 1, asn, Array.from({ length: nodes }, () => `n${++last}`)));
  return {
    segments: ['spine', ...all.map((r) => r.segment)],
    control: { name: CONTROL.name, legs: all.map((r) => rackLeg(r.number, 250)) },
    routers: all.flatMap((r) => r.routers.map((router) => ({ ...router, bird: rackBird(router, r, all) }))),
    hosts: [],
    nodes: all.flatMap((r) => r.nodes),
    peers: {},
  };
}

interface Rack {
  readonly number: number;
  readonly asn: number;
  readonly segment: string;
  readonly routers: readonly (MachinePlan & { readonly spine: Required<Leg>; readonly own: Required<Leg> })[];
  readonly nodes: readonly NodePlan[];
}

const rackLeg = (rack: number, last: number): Required<Leg> =>
  ({ segment: `rack${rack}`, address4: `10.99.${rack}.${last}`, address6: `fd99:${rack}::${last}` });

function rack(number: number, asn: number, names: readonly string[]): Rack {
  const routers = ['a', 'b'].map((letter, i) => {
    const own = rackLeg(number, i + 1);
    const spine = { segment: 'spine', address4: `10.97.0.${10 * number + i + 1}`, address6: `fd97::${10 * number + i + 1}` };
    return { name: `tor${number}${letter}`, legs: [own, spine], own, spine };
  });
  const via = (key: 'address4' | 'address6'): string => routers.map((r) => `nexthop via ${r.own[key]}`).join(' ');
  const nodes = names.map((name, i) => ({
    name, legs: [rackLeg(number, 11 + i)], labels: { rack: String(number) },
    routes: [`10.99.0.0/16 ${via('address4')}`, `fd99::/16 ${via('address6')}`],
  }));
  return { number, asn, segment: `rack${number}`, routers, nodes };
}

/** A router's neighbours are the nodes of its rack, of any other AS, and all routers of other racks. */
function rackBird(router: Rack['routers'][number], own: Rack, all: readonly Rack[]): string {
  const session = (name: string, family: 4 | 6, address: string, as: string, from: Required<Leg>): string =>
    `protocol bgp ${name}_v${family} from common { neighbor ${address} ${as}; source address ${from[`address${family}`]}; ipv${family} { import all; export where source ~ [RTS_BGP, RTS_DEVICE]; }; }\n`;
  const both = (name: string, to: Leg, as: string, from: Required<Leg>): string =>
    session(name, 4, to.address4!, as, from) + session(name, 6, to.address6!, as, from);
  const others = all.filter((r) => r !== own);
  return `log stderr all;
router id ${router.spine.address4};
protocol device { scan time 10; }
protocol direct { ipv4; ipv6; interface "eth0"; }
protocol kernel kernel4 { ipv4 { import none; export where source = RTS_BGP; }; merge paths on; }
protocol kernel kernel6 { ipv6 { import none; export where source = RTS_BGP; }; merge paths on; }
template bgp common { local as ${own.asn}; hold time ${RACK_HOLD_SECONDS}; connect delay time 1; connect retry time 2; error wait time 1, 5; }
${own.nodes.map((n) => both(n.name, n.legs[0]!, 'external', router.own)).join('')}
${others.flatMap((r) => r.routers.map((to) => both(to.name, to.spine, `as ${r.asn}`, router.spine))).join('')}`;
}

/** Throws OperationError LAB_TOPOLOGY when names clash or a leg hangs on no segment. */
export function checkTopology(topology: Topology): Topology {
  const machines = [topology.control, ...topology.routers, ...topology.hosts, ...topology.nodes];
  const fail = (problem: string): never => { throw new OperationError('LAB_TOPOLOGY', { problem }); };
  const names = [...topology.segments, ...machines.map((m) => m.name)];
  for (const name of names) if (!/^[a-z0-9]{1,8}$/.test(name)) fail(`name ${JSON.stringify(name)}: expected 1 to 8 of a-z and 0-9`);
  if (new Set(names).size < names.length || names.includes('switch')) fail(`names ${names.join(', ')}: expected each once, and none "switch"`);
  for (const { name, legs } of machines) {
    for (const { segment } of legs) if (!topology.segments.includes(segment)) fail(`${name} has a leg in ${segment}: expected one of ${topology.segments.join(', ')}`);
  }
  for (const { name, legs } of topology.nodes) {
    if (!topology.control.legs.some((l) => l.segment === legs[0]?.segment)) fail(`node ${name} is on no segment of the API server`);
  }
  checkNodeCount(topology.nodes.length);
  return topology;
}

/** The same where nodes, API server and hosts have no IPv4 address; routers keep theirs. */
export function withoutIpv4(topology: Topology): Topology {
  const v6 = <M extends MachinePlan>(machine: M): M => ({
    ...machine, legs: machine.legs.map(({ segment, address6 }) => ({ segment, ...(address6 === undefined ? {} : { address6 }) })),
    ...(machine.routes === undefined ? {} : { routes: machine.routes.filter((r) => r.includes(':')) }),
  });
  const peers = Object.entries(topology.peers).filter(([, { peerIP }]) => peerIP.includes(':'));
  return { ...topology, control: v6(topology.control), hosts: topology.hosts.map(v6), nodes: topology.nodes.map(v6), peers: Object.fromEntries(peers) };
}

/** FRR in the matrix. */
import { spawnSync } from 'node:child_process';
import { file, program } from '../../../support/capabilities.ts';
import { startFrr } from '../../../support/raw-daemons.ts';
import {
  BEYOND, BEYOND_ASNS, CLIENT_ROUTE, HOLD_SECONDS, KEY, LONG_LIVED_SECONDS, OURS, OUR_ASN, THEIRS, THEIR_ASN, THEIR_LEAVING, THEIR_NO_EXPORT,
  THEIR_ROUTE, THEIR_TAGGED, type Peer, type Settings, type Shown, type Speaker,
} from '../peer.ts';
import type { Netns } from '../../../support/namespaces.ts';

const RESTART_SECONDS = 4;

export const frr: Peer = {
  name: 'FRR', needs: [program('zebra'), file('/usr/lib/frr/bgpd', 'FRR'), program('vtysh')], restartSeconds: RESTART_SECONDS,
  version: () => spawnSync('/usr/lib/frr/bgpd', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]!.trim(),
  start,
};

interface Path {
  readonly aspath?: { readonly string?: string };
  readonly community?: { readonly list?: readonly string[] };
  readonly largeCommunity?: { readonly list?: readonly string[] };
  readonly extendedCommunity?: { readonly string?: string };
  readonly locPrf?: number;
  readonly otc?: number;
  readonly originatorId?: string;
  readonly clusterList?: { readonly list?: readonly string[] };
  readonly nexthops?: readonly { readonly ip?: string }[];
  readonly peer?: { readonly peerId?: string };
}

async function start(ns: Netns, { role }: Settings): Promise<Speaker> {
  const daemon = await startFrr(ns, { bgpd: role === 'client' ? CLIENT : EXTERNAL }, role === 'client' ? [] : ['-r', '-K', '60']);
  const shown: Speaker['shown'] = (prefix, session) => {
    const paths = (JSON.parse(daemon.ask(`show bgp ${prefix.includes(':') ? 'ipv6' : 'ipv4'} unicast ${prefix} json`)) as { paths?: Path[] }).paths ?? [];
    return paths.filter((p) => p.peer?.peerId === OURS[session]).map(shownOf);
  };
  const neighbour = (line: string): void => { daemon.configure(`router bgp ${THEIR_ASN}\n${line}`); };
  return {
    shown,
    refresh: () => { daemon.ask(`clear bgp ipv4 unicast ${OURS.v4} soft in`); },
    shutdown: (message) => { neighbour(`neighbor ${OURS.v4} shutdown message ${message}`); },
    enable: () => { neighbour(`no neighbor ${OURS.v4} shutdown`); },
    heard: () => String((JSON.parse(daemon.ask(`show bgp neighbors ${OURS.v4} json`)) as Record<string, { lastShutdownDescription?: string }>)[OURS.v4]?.lastShutdownDescription),
    get output() { return daemon.output; },
    kill: () => daemon.kill(),
  };
}

const WELL_KNOWN: Readonly<Record<string, string>> = { 'llgr-stale': '65535:6', 'graceful-shutdown': '65535:0', 'no-export': '65535:65281' };

const shownOf = (p: Path): Shown => ({
  asPath: p.aspath?.string ?? '', nextHop: p.nexthops?.[0]?.ip ?? '',
  communities: (p.community?.list ?? []).map((c) => WELL_KNOWN[c] ?? WELL_KNOWN[c.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase()] ?? c),
  large: p.largeCommunity?.list ?? [], extended: (p.extendedCommunity?.string ?? '').split(' ').filter((c) => c !== '').map((c) => c.toLowerCase()),
  ...(p.locPrf !== undefined && { localPref: p.locPrf }),
  ...(p.otc !== undefined && { otc: p.otc }),
  ...(p.originatorId !== undefined && { originator: p.originatorId }),
  ...(p.clusterList?.list !== undefined && { clusters: p.clusterList.list }),
});

const NEIGHBOURS = [OURS.v4, OURS.v6, OURS.x] as const;
const times = (neighbour: string): string => ` neighbor ${neighbour} timers connect 1\n neighbor ${neighbour} advertisement-interval 0`;
const activated = (neighbour: string): string => `  neighbor ${neighbour} activate\n  neighbor ${neighbour} route-map to-us out\n  neighbor ${neighbour} addpath-tx-all-paths`;

const EXTERNAL = `
ip prefix-list tagged permit ${THEIR_TAGGED}
ip prefix-list noexport permit ${THEIR_NO_EXPORT}
ip prefix-list leaving permit ${THEIR_LEAVING}
bgp as-path access-list beyond permit _(${BEYOND_ASNS.join('|')})$
bgp as-path access-list beyond permit ^$
route-map to-us permit 10
 match ip address prefix-list tagged
 set community ${THEIR_ASN}:7
 set large-community ${THEIR_ASN}:1:2
 set extcommunity rt ${THEIR_ASN}:9
route-map to-us permit 20
 match ip address prefix-list noexport
 set community no-export
route-map to-us permit 30
 match ip address prefix-list leaving
 set community graceful-shutdown
route-map to-us permit 40
 match as-path beyond
router bgp ${THEIR_ASN}
 bgp router-id ${THEIRS.v4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 no bgp network import-check
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time ${RESTART_SECONDS}
 bgp graceful-restart select-defer-time 10
 bgp long-lived-graceful-restart stale-time ${LONG_LIVED_SECONDS}
 timers bgp ${HOLD_SECONDS / 3} ${HOLD_SECONDS}
${NEIGHBOURS.map((n) => ` neighbor ${n} remote-as ${OUR_ASN}\n${times(n)}`).join('\n')}
 neighbor ${OURS.v4} password ${KEY}
 neighbor ${OURS.v4} local-role customer
 neighbor ${OURS.v6} ttl-security hops 1
 neighbor ${OURS.x} capability extended-nexthop
 neighbor un0 interface remote-as external
${times('un0')}
${BEYOND.sources.map((n, i) => ` neighbor ${n} remote-as ${BEYOND_ASNS[i]!}\n neighbor ${n} update-source ${BEYOND.daemon[i]!}\n${times(n)}`).join('\n')}
 address-family ipv4 unicast
${[THEIR_ROUTE.v4, THEIR_TAGGED, THEIR_NO_EXPORT, THEIR_LEAVING].map((r) => `  network ${r}`).join('\n')}
${activated(OURS.v4)}
${activated(OURS.x)}
  neighbor un0 activate
  neighbor un0 route-map to-us out
${BEYOND.sources.map((n) => `  neighbor ${n} activate`).join('\n')}
 exit-address-family
 address-family ipv6 unicast
  network ${THEIR_ROUTE.v6}
${activated(OURS.v6)}
  neighbor un0 activate
  neighbor un0 route-map to-us out
 exit-address-family
`;

const CLIENT = `
router bgp ${OUR_ASN}
 bgp router-id ${THEIRS.int}
 no bgp network import-check
 timers bgp ${HOLD_SECONDS / 3} ${HOLD_SECONDS}
 neighbor ${OURS.int} remote-as ${OUR_ASN}
${times(OURS.int)}
 address-family ipv4 unicast
  network ${CLIENT_ROUTE}
 exit-address-family
`;

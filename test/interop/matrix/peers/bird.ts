/** BIRD 2 in the matrix. */
import { spawnSync } from 'node:child_process';
import { program, pathOf } from '../../../support/capabilities.ts';
import { startBird, type RawDaemon } from '../../../support/raw-daemons.ts';
import {
  BEYOND, BEYOND_ASNS, CLIENT_ROUTE, HOLD_SECONDS, KEY, LONG_LIVED_SECONDS, MANY, OURS, OUR_ASN, THEIRS, THEIR_ASN, THEIR_LEAVING, THEIR_NO_EXPORT,
  THEIR_ROUTE, THEIR_TAGGED, type Peer, type Session, type Settings, type Shown, type Speaker,
} from '../peer.ts';
import type { Netns } from '../../../support/namespaces.ts';

const RESTART_SECONDS = 4;

export const bird: Peer = {
  name: 'BIRD 2', needs: [program('bird'), program('birdc')], restartSeconds: RESTART_SECONDS,
  version: () => spawnSync(pathOf('bird')!, ['--version'], { encoding: 'utf8' }).stderr.trim(),
  start,
};

async function start(ns: Netns, { role, isRecovering }: Settings): Promise<Speaker> {
  const daemon = await startBird(ns, role === 'client' ? CLIENT : EXTERNAL, 'bird', isRecovering === true ? ['-R'] : []);
  return {
    shown: (prefix, session) => birdRoutes(daemon, prefix, session === 'int' ? 'inside' : session),
    communities: (prefix, session) => (daemon.ask('show', 'route', 'for', prefix, 'protocol', session, 'where', 'bgp_community.len', '=', String(MANY)).includes(prefix) ? MANY : 0),
    refresh: () => { daemon.ask('reload', 'in', 'v4'); },
    shutdown: (message) => { daemon.ask('disable', 'v4', `"${message}"`); },
    enable: () => { daemon.ask('enable', 'v4'); },
    heard: () => daemon.output,
    get output() { return daemon.output; },
    kill: () => daemon.kill(),
  };
}

/** Routes of one protocol as `show route all` prints them: a line with a bracket, then attributes. Long lists are cut there. */
export function birdRoutes(daemon: RawDaemon, prefix: string, protocol: string): Shown[] {
  const text = daemon.ask('show', 'route', 'all', 'protocol', protocol, 'where', 'net', '=', prefix);
  const routes = text.split(/^(?=\S*\s+(?:unicast|blackhole|unreachable) \[)/m).filter((part) => part.includes('BGP.as_path'));
  return routes.map((part) => {
    const value = (name: string): string | undefined => new RegExp(`^\\s*BGP\\.${name}: (.*)$`, 'm').exec(part)?.[1]?.trim();
    const tuples = (name: string): string[] => [...(value(name) ?? '').matchAll(/\(([^)]*)\)/g)].map((m) => m[1]!.replaceAll(/,\s*/g, ':'));
    return {
      asPath: value('as_path') ?? '', nextHop: value('next_hop') ?? '', communities: tuples('community'), large: tuples('large_community'), extended: tuples('ext_community'),
      ...(value('local_pref') !== undefined && { localPref: Number(value('local_pref')) }),
      ...(value('otc') !== undefined && { otc: Number(value('otc')) }),
      ...(value('originator_id') !== undefined && { originator: value('originator_id')! }),
      ...(value('cluster_list') !== undefined && { clusters: value('cluster_list')!.split(' ') }),
    };
  });
}

const TIMES = `hold time ${HOLD_SECONDS}; connect delay time 1; connect retry time 1; error wait time 1, 1;`;
const session = (name: Exclude<Session, 'int'>, family: 4 | 6, more: string, channel = ''): string => `
protocol bgp ${name} from ours { local ${THEIRS[name]} as ${THEIR_ASN}; neighbor ${OURS[name]} as ${OUR_ASN}; ${more}
  ipv${family} { import all; export filter to_us; add paths on; ${channel} }; }`;

const EXTERNAL = `
router id ${THEIRS.v4};
graceful restart wait 3;
filter to_us {
  if source != RTS_STATIC && !(bgp_path ~ [= * ${BEYOND_ASNS[0]} * =] || bgp_path ~ [= * ${BEYOND_ASNS[1]} * =]) then reject;
  if net = ${THEIR_TAGGED} then { bgp_community.add((${THEIR_ASN}, 7)); bgp_large_community.add((${THEIR_ASN}, 1, 2)); bgp_ext_community.add((rt, ${THEIR_ASN}, 9)); }
  if net = ${THEIR_NO_EXPORT} then bgp_community.add((65535, 65281));
  if net = ${THEIR_LEAVING} then bgp_community.add((65535, 0));
  accept;
}
protocol device { scan time 1; }
protocol kernel { persist; ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel { persist; ipv6 { import none; export where source = RTS_BGP; }; }
protocol static { ipv4; ${[THEIR_ROUTE.v4, THEIR_TAGGED, THEIR_NO_EXPORT, THEIR_LEAVING].map((r) => `route ${r} blackhole;`).join(' ')} }
protocol static { ipv6; route ${THEIR_ROUTE.v6} blackhole; }
protocol radv { interface "un0" { default lifetime 0; max ra interval 5; }; }
template bgp ours {
  ${TIMES} debug { packets }; enable extended messages on;
  graceful restart on; graceful restart time ${RESTART_SECONDS}; long lived graceful restart on; long lived stale time ${LONG_LIVED_SECONDS};
}
${session('v4', 4, `password "${KEY}"; local role customer;`)}
${session('v6', 6, 'ttl security on;')}
${session('x', 4, '', 'extended next hop on;')}
protocol bgp un from ours { local as ${THEIR_ASN}; neighbor range fe80::/10 external; interface "un0"; dynamic name "un";
  ipv4 { import all; export filter to_us; extended next hop on; }; ipv6 { import all; export filter to_us; }; }
${BEYOND.sources.map((address, i) => `
protocol bgp beyond${i} { local ${BEYOND.daemon[i]!} as ${THEIR_ASN}; neighbor ${address} as ${BEYOND_ASNS[i]!}; ${TIMES} enable extended messages on;
  ipv4 { import all; export none; }; }`).join('')}
`;

const CLIENT = `
router id ${THEIRS.int};
protocol device {}
protocol static { ipv4; route ${CLIENT_ROUTE} blackhole; }
protocol bgp inside { local ${THEIRS.int} as ${OUR_ASN}; neighbor ${OURS.int} as ${OUR_ASN}; ${TIMES}
  ipv4 { import all; export where source = RTS_STATIC; next hop self; }; }
`;

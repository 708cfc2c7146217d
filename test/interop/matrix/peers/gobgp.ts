/** GoBGP in the matrix. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf, program } from '../../../support/capabilities.ts';
import { startBird } from '../../../support/raw-daemons.ts';
import { eventually, type Netns } from '../../../support/namespaces.ts';
import {
  BEYOND, BEYOND_ASNS, CLIENT_ROUTE, HOLD_SECONDS, KEY, LONG_LIVED_SECONDS, OURS, OUR_ASN, THEIRS, THEIR_ASN, THEIR_LEAVING, THEIR_NO_EXPORT,
  THEIR_ROUTE, THEIR_TAGGED, type Peer, type Settings, type Shown, type Speaker,
} from '../peer.ts';

const RESTART_SECONDS = 4;

export const gobgp: Peer = {
  name: 'GoBGP', needs: [program('gobgpd'), program('gobgp')], restartSeconds: RESTART_SECONDS,
  version: () => spawnSync('gobgpd', ['--version'], { encoding: 'utf8' }).stdout.trim(),
  start,
};

interface Attribute {
  readonly type: number;
  readonly as_paths?: readonly { readonly asns: readonly number[] }[];
  readonly nexthop?: string;
  readonly communities?: readonly number[];
  readonly value?: unknown;
}
interface Path { readonly 'neighbor-ip'?: string; readonly attrs: readonly Attribute[] }

async function start(ns: Netns, { role, isRecovering }: Settings): Promise<Speaker> {
  const file = join(ns.directory, 'gobgpd.toml');
  writeFileSync(file, role === 'client' ? CLIENT : EXTERNAL);
  // Its routes come by command: nobody shall see it without them.
  const mute = (verb: 'add' | 'del'): void => { for (const family of ['-4', '-6']) ns.ip(family, 'rule', verb, 'pref', '0', 'ipproto', 'tcp', 'prohibit'); };
  // It leaves router advertisements to others on its machine.
  if (role === 'external' && isRecovering !== true) await startBird(ns, RADV, 'radv');
  // It wants the neighbour of an interface to be known when it starts: our kernel asks for who pings, and is known by that.
  if (role === 'external') await eventually(10_000, () => ns.exec('ping', '-6', '-c', '1', '-W', '1', 'ff02::1%un0'));
  mute('add');
  ns.ip('rule', 'add', 'pref', '0', 'to', '127.0.0.1', 'lookup', 'local');
  const daemon = ns.spawn(pathOf('gobgpd')!, ['-f', file, '--api-hosts', '127.0.0.1:50051', '--log-plain', ...(isRecovering === true ? ['-r'] : [])]);
  const call = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync('nsenter', [`--net=${ns.path}`, 'gobgp', ...words], { encoding: 'utf8', timeout: 5_000, maxBuffer: 16 << 20 });
    if (status !== 0) throw new Error(`gobgp ${words.join(' ')}: ${stderr}${stdout}${daemon.output}`);
    return stdout;
  };
  await eventually(10_000, () => call('global'));
  for (const [route, ...more] of role === 'client' ? [[CLIENT_ROUTE]] : ROUTES) {
    const v6 = route!.includes(':');
    call('global', 'rib', '-a', v6 ? 'ipv6' : 'ipv4', 'add', route!, ...more);
  }
  mute('del');
  ns.ip('rule', 'del', 'pref', '0', 'to', '127.0.0.1', 'lookup', 'local');
  return {
    shown: (prefix, session) => {
      const text = call('global', 'rib', '-a', prefix.includes(':') ? 'ipv6' : 'ipv4', prefix, '-j');
      const paths = Object.values(JSON.parse(text === '' || text.startsWith('Network') ? '{}' : text) as Record<string, Path[]>).flat();
      return paths.filter((p) => p['neighbor-ip'] === OURS[session]).map(shownOf);
    },
    refresh: () => { call('neighbor', OURS.v4, 'softresetin'); },
    shutdown: (message) => { call('neighbor', OURS.v4, 'shutdown', '--reason', message); },
    enable: () => undefined,        // it comes back by itself
    heard: () => daemon.output,
    get output() { return daemon.output; },
    kill: () => daemon.kill(),
  };
}

const ROUTES: readonly string[][] = [
  [THEIR_ROUTE.v4], [THEIR_ROUTE.v6],
  [THEIR_TAGGED, 'community', `${THEIR_ASN}:7`, 'large-community', `${THEIR_ASN}:1:2`, 'rt', `${THEIR_ASN}:9`],
  [THEIR_NO_EXPORT], [THEIR_LEAVING],
];

function shownOf({ attrs }: Path): Shown {
  const find = (type: number): Attribute | undefined => attrs.find((a) => a.type === type);
  const list = (type: number): readonly Record<string, unknown>[] => (find(type)?.value as Record<string, unknown>[] | undefined) ?? [];
  const [localPref, originator, clusters] = [find(5), find(9), find(10)].map((a) => a?.value);
  return {
    asPath: (find(2)?.as_paths ?? []).flatMap((s) => s.asns).join(' '), nextHop: find(3)?.nexthop ?? String(find(14)?.nexthop ?? ''),
    communities: (find(8)?.communities ?? []).map((c) => `${c >>> 16}:${c & 0xffff}`),
    large: list(32).map((c) => `${String(c['ASN'])}:${String(c['LocalData1'])}:${String(c['LocalData2'])}`),
    extended: list(16).map((c) => `${c['subtype'] === 2 ? 'rt' : String(c['subtype'])}:${String(c['value'])}`),
    ...(localPref !== undefined && { localPref: Number(localPref) }),
    ...(originator !== undefined && { originator: originator as string }),
    ...(clusters !== undefined && { clusters: (clusters as string[]).map(String) }),
  };
}

interface More { readonly head?: string; readonly config?: string; readonly extra?: string; readonly families?: readonly string[]; readonly addPath?: boolean }

const neighbour = (address: string | undefined, asn: number | undefined, { config = '', extra = '', families = ['ipv4'], addPath = false }: More = {}): string => `
[[neighbors]]
  [neighbors.config]
    ${address === undefined ? '' : `neighbor-address = "${address}"`}
    ${asn === undefined ? '' : `peer-as = ${asn}`}
    ${config}
  [neighbors.timers.config]
    hold-time = ${HOLD_SECONDS}
    keepalive-interval = ${HOLD_SECONDS / 3}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  ${extra}
  ${families.map((family) => `[[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
    [neighbors.afi-safis.long-lived-graceful-restart.config]
      enabled = true
      restart-time = ${LONG_LIVED_SECONDS}${addPath ? `
    [neighbors.afi-safis.add-paths.config]
      receive = true
      send-max = 8` : ''}`).join('\n  ')}`;

const RADV = `router id ${THEIRS.v4};\nprotocol device {}\nprotocol radv { interface "un0" { default lifetime 0; max ra interval 5; }; }`;

const RESTART = `[neighbors.graceful-restart.config]
    enabled = true
    restart-time = ${RESTART_SECONDS}
    deferral-time = 10
    long-lived-enabled = true`;

const head = (asn: number, routerId: string): string => `
[global.config]
  as = ${asn}
  router-id = "${routerId}"`;

/** It does not let routes of its own with well-known communities out: they get them on their way. */
const POLICY = `
  [global.apply-policy.config]
    export-policy-list = ["to-us"]
    default-export-policy = "accept-route"
${[THEIR_NO_EXPORT, THEIR_LEAVING].map((prefix, i) => `
[[defined-sets.prefix-sets]]
  prefix-set-name = "set${i}"
  [[defined-sets.prefix-sets.prefix-list]]
    ip-prefix = "${prefix}"`).join('')}
[[policy-definitions]]
  name = "to-us"
${['65535:65281', '65535:0'].map((community, i) => `
  [[policy-definitions.statements]]
    name = "statement${i}"
    [policy-definitions.statements.conditions.match-prefix-set]
      prefix-set = "set${i}"
    [policy-definitions.statements.actions]
      route-disposition = "accept-route"
      [policy-definitions.statements.actions.bgp-actions.set-community]
        options = "add"
        [policy-definitions.statements.actions.bgp-actions.set-community.set-community-method]
          communities-list = ["${community}"]`).join('')}
`;

const EXTERNAL = `${head(THEIR_ASN, THEIRS.v4)}${POLICY}
${neighbour(OURS.v4, OUR_ASN, { config: `auth-password = "${KEY}"`, extra: RESTART, addPath: true })}
${neighbour(OURS.v6, OUR_ASN, { families: ['ipv6'], addPath: true, extra: `${RESTART}\n  [neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255` })}
${neighbour(OURS.x, OUR_ASN, { extra: RESTART })}
${neighbour(undefined, undefined, { config: 'neighbor-interface = "un0"', families: ['ipv4', 'ipv6'], extra: RESTART })}
${BEYOND.sources.map((address, i) => neighbour(address, BEYOND_ASNS[i], { extra: `[neighbors.transport.config]\n    local-address = "${BEYOND.daemon[i]!}"` })).join('\n')}
`;

const CLIENT = `${head(OUR_ASN, THEIRS.int)}
${neighbour(OURS.int, OUR_ASN)}
`;

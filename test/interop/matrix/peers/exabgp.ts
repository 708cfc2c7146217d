/** ExaBGP in the matrix: it has no RIB, what it heard on a session is put together here. */
import { spawnSync } from 'node:child_process';
import { exabgpNeeds, startExabgp, type ExabgpEvent } from '../../../support/exabgp.ts';
import {
  BEYOND_ASNS, CLIENT_ROUTE, HOLD_SECONDS, KEY, OURS, OUR_ASN, THEIRS, THEIR_ASN, THEIR_LARGE, THEIR_LEAVING, THEIR_NO_EXPORT, THEIR_ROUTE, THEIR_TAGGED,
  THEIR_TWO_WAYS, many, type Peer, type Session, type Settings, type Shown, type Speaker,
} from '../peer.ts';
import type { Netns } from '../../../support/namespaces.ts';

const RESTART_SECONDS = 30;

export const exabgp: Peer = {
  name: 'ExaBGP', needs: exabgpNeeds, restartSeconds: RESTART_SECONDS,
  version: () => spawnSync('exabgp', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]!.replace(/\s+:\s+/, ' ').trim(),
  start,
};

async function start(ns: Netns, { role }: Settings): Promise<Speaker> {
  const daemon = await startExabgp(ns, role === 'client' ? CLIENT : EXTERNAL);
  return {
    shown: (prefix, session) => [...tableOf(daemon.events(), session, prefix).values()],
    refresh: () => { daemon.tell(`neighbor ${OURS.v4} announce route-refresh ipv4 unicast`); },
    shutdown: () => { throw new Error('ExaBGP sends no message'); },
    enable: () => { throw new Error('ExaBGP sends no message'); },
    heard: () => daemon.text(),
    get output() { return daemon.output; },
    kill: () => daemon.kill(),
  };
}

/** Path identifier (or nothing) → what was last said of the prefix on the session. */
function tableOf(events: readonly ExabgpEvent[], session: Session, prefix: string): Map<string, Shown> {
  const table = new Map<string, Shown>();
  for (const { type, neighbor } of events) {
    if (neighbor?.address.peer !== OURS[session]) continue;
    if (type === 'state' && neighbor.state === 'down') table.clear();
    const { announce = {}, withdraw = {}, attribute = {} } = neighbor.message?.update ?? {};
    const about = (list: readonly { readonly nlri: string }[]) => list.filter((n) => n.nlri === prefix) as readonly { readonly 'nlri': string; readonly 'path-information'?: string }[];
    for (const n of Object.values(withdraw).flatMap(about)) table.delete(n['path-information'] ?? '');
    for (const [nextHop, list] of Object.values(announce).flatMap((hops) => Object.entries(hops))) {
      for (const n of Array.isArray(list) ? about(list) : []) table.set(n['path-information'] ?? '', shownOf(nextHop, attribute));
    }
  }
  return table;
}

function shownOf(nextHop: string, a: Readonly<Record<string, unknown>>): Shown {
  const list = <T>(name: string): readonly T[] => (a[name] as T[] | undefined) ?? [];
  const path = a['as-path'];
  return {
    asPath: (Array.isArray(path) ? path : Object.values((path ?? {}) as Record<string, { value: number[] }>).flatMap((s) => s.value)).join(' '), nextHop,
    communities: list<number[]>('community').map((c) => c.join(':')), large: list<number[]>('large-community').map((c) => c.join(':')),
    extended: list<{ string: string }>('extended-community').map((c) => c.string.replace('target:', 'rt:')),
    ...(a['local-preference'] !== undefined && { localPref: Number(a['local-preference']) }),
    ...(a['originator-id'] !== undefined && { originator: a['originator-id'] as string }),
    ...(a['cluster-list'] !== undefined && { clusters: list<string>('cluster-list') }),
  };
}

const API = `api {
    processes [ watch ];
    neighbor-changes;
    receive { parsed; update; notification; refresh; }
  }`;

interface More { readonly asn?: number; readonly config?: string; readonly family?: string; readonly capability?: string; readonly routes: readonly string[] }

const neighbour = (session: Session, { asn = THEIR_ASN, config = '', family = 'ipv4', capability = '', routes }: More): string => `
neighbor ${OURS[session]} {
  router-id ${session === 'int' ? THEIRS.int : THEIRS.v4};
  local-address ${THEIRS[session]};
  local-as ${asn};
  peer-as ${OUR_ASN};
  hold-time ${HOLD_SECONDS};
  ${config}
  family { ${family.split(' ').map((f) => `${f} unicast;`).join(' ')} }
  capability { graceful-restart ${RESTART_SECONDS}; route-refresh enable; extended-message enable; ${capability} }
  ${API}
  static {
${routes.map((r) => `    route ${r};`).join('\n')}
  }
}`;

const self = (prefix: string, more = ''): string => `${prefix} next-hop self ${more}`.trim();
const ROUTES = [
  self(THEIR_ROUTE.v4),
  self(THEIR_TAGGED, `community [ ${THEIR_ASN}:7 ] large-community [ ${THEIR_ASN}:1:2 ] extended-community [ target:${THEIR_ASN}:9 ]`),
  self(THEIR_NO_EXPORT, 'community [ 65535:65281 ]'),
  self(THEIR_LEAVING, 'community [ 65535:0 ]'),
];
const V4_ROUTES = [
  ...ROUTES,
  self(THEIR_LARGE, `community [ ${many(BEYOND_ASNS[0]).join(' ')} ]`),
  ...BEYOND_ASNS.map((asn, i) => self(THEIR_TWO_WAYS, `as-path [ ${THEIR_ASN} ${asn} ] path-information 0.0.0.${i + 1}`)),
];

const EXTERNAL = `
${neighbour('v4', { config: `md5-password "${KEY}";`, capability: 'add-path send/receive;', routes: V4_ROUTES })}
${neighbour('v6', { config: 'outgoing-ttl 255; incoming-ttl 255;', family: 'ipv6', routes: [self(THEIR_ROUTE.v6)] })}
${neighbour('x', { family: 'ipv4 ipv6', config: 'nexthop { ipv4 unicast ipv6; }', capability: 'nexthop enable;', routes: [`${THEIR_ROUTE.v4} next-hop ${THEIRS.x}`] })}
`;

const CLIENT = neighbour('int', { asn: OUR_ASN, routes: [self(CLIENT_ROUTE)] });

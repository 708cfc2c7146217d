/** OpenBGPD in the matrix. */
import { spawnSync } from 'node:child_process';
import { openbgpdNeeds, startOpenbgpd } from '../../../support/openbgpd.ts';
import {
  BEYOND, BEYOND_ASNS, CLIENT_ROUTE, HOLD_SECONDS, KEY, OURS, OUR_ASN, THEIRS, THEIR_ASN, THEIR_LEAVING, THEIR_NO_EXPORT, THEIR_ROUTE, THEIR_TAGGED,
  type Peer, type Settings, type Shown, type Speaker,
} from '../peer.ts';
import type { Netns } from '../../../support/namespaces.ts';

export const openbgpd: Peer = {
  name: 'OpenBGPD', needs: openbgpdNeeds, restartSeconds: 30,
  version: () => spawnSync('/usr/sbin/bgpd', ['-V'], { encoding: 'utf8' }).stderr.trim(),
  start,
};

interface Route {
  readonly prefix: string;
  readonly aspath?: string;
  readonly exit_nexthop?: string;
  readonly true_nexthop?: string;
  readonly localpref?: number;
  readonly neighbor: { readonly remote_addr: string };
  readonly communities?: readonly string[];
  readonly large_communities?: readonly string[];
  readonly extended_communities?: readonly string[];
  readonly attributes?: readonly { readonly type: string; readonly originator?: string; readonly cluster_list?: readonly string[]; readonly as?: number }[];
}

async function start(ns: Netns, { role }: Settings): Promise<Speaker> {
  const daemon = await startOpenbgpd(ns, role === 'client' ? CLIENT : EXTERNAL);
  const shown: Speaker['shown'] = (prefix, session) => {
    const { rib = [] } = JSON.parse(daemon.ask('-j', 'show', 'rib', 'detail', 'neighbor', OURS[session], prefix)) as { rib?: Route[] };
    return rib.filter((r) => r.prefix === prefix).map(shownOf);
  };
  return {
    shown,
    refresh: () => { daemon.ask('neighbor', OURS.v4, 'refresh'); },
    shutdown: (message) => { daemon.ask('neighbor', OURS.v4, 'down', message); },
    enable: () => { daemon.ask('neighbor', OURS.v4, 'up'); },
    hurry: () => { daemon.ask('neighbor', OURS.v4, 'up'); },
    heard: () => daemon.ask('show', 'neighbor', OURS.v4) + daemon.output,
    get output() { return daemon.output; },
    kill: () => daemon.kill(),
  };
}

const WELL_KNOWN: Readonly<Record<string, string>> = { GRACEFUL_SHUTDOWN: '65535:0', NO_EXPORT: '65535:65281' };

function shownOf(r: Route): Shown {
  const find = (type: string) => (r.attributes ?? []).find((a) => a.type === type);
  const [originator, clusters, otc] = [find('Originator Id'), find('Cluster Id List'), find('OTC')];
  return {
    asPath: r.aspath ?? '', nextHop: r.exit_nexthop ?? '', communities: (r.communities ?? []).map((c) => WELL_KNOWN[c] ?? c), large: r.large_communities ?? [],
    extended: (r.extended_communities ?? []).map((c) => c.replace(' ', ':')),
    ...(r.localpref !== undefined && { localPref: r.localpref }),
    ...(otc !== undefined && { otc: Number(otc.as) }),
    ...(originator !== undefined && { originator: String(originator.originator) }),
    ...(clusters !== undefined && { clusters: clusters.cluster_list ?? [] }),
  };
}

const COMMON = `
fib-update no
connect-retry 1
holdtime ${HOLD_SECONDS}
`;

const EXTERNAL = `
AS ${THEIR_ASN}
router-id ${THEIRS.v4}
${COMMON}
${[THEIR_ROUTE.v4, THEIR_TAGGED, THEIR_NO_EXPORT, THEIR_LEAVING, THEIR_ROUTE.v6].map((r) => `network ${r}`).join('\n')}
group us {
  remote-as ${OUR_ASN}
  announce add-path recv yes
  announce add-path send all
  announce enhanced refresh yes
  announce restart yes
  neighbor ${OURS.v4} {
    tcp md5sig password ${KEY}
    announce policy customer
    announce IPv4 unicast
  }
  neighbor ${OURS.v6} {
    ttl-security yes
  }
}
group beyond {
${BEYOND.sources.map((address, i) => `  neighbor ${address} {\n    remote-as ${BEYOND_ASNS[i]!}\n    local-address ${BEYOND.daemon[i]!}\n  }`).join('\n')}
}
allow from any
allow to group us
match to group us prefix ${THEIR_TAGGED} set { community ${THEIR_ASN}:7 large-community ${THEIR_ASN}:1:2 ext-community rt ${THEIR_ASN}:9 }
match to group us prefix ${THEIR_NO_EXPORT} set community NO_EXPORT
match to group us prefix ${THEIR_LEAVING} set community GRACEFUL_SHUTDOWN
`;

const CLIENT = `
AS ${OUR_ASN}
router-id ${THEIRS.int}
${COMMON}
network ${CLIENT_ROUTE}
neighbor ${OURS.int} {
  remote-as ${OUR_ASN}
}
allow from any
allow to any
`;

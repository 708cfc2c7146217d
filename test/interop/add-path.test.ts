/**
 * ADD-PATH both ways (RFC 7911) with BIRD, FRR and GoBGP, over IPv4 and IPv6, on one shared link:
 *
 * ```
 *   AS 65011 ─┐                                      ┌─ AS 65021
 *             ├─ ours, AS 64512 ◄── ADD-PATH ──► theirs, AS 65001
 *   AS 65012 ─┘                                      └─ AS 65022
 * ```
 * Each pair of sources announces one prefix; the other speaker must have both ways to it, and lose them one by one.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { PathView } from '../../config/messages/bgpd-control.ts';
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import { namespaces, pathOf, program, root, type Capability } from '../support/capabilities.ts';
import { eventually, Namespaces, sh, type Netns } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const UP_MS = 40_000;
const [OUR_ASN, THEIR_ASN] = [64512, 65001];
const ours = { ipv4: '10.9.0.1', ipv6: 'fd09::1' } as const;
const theirs = { ipv4: '10.9.0.2', ipv6: 'fd09::2' } as const;
/** What our sources announce, and theirs. */
const FROM_US = { ipv4: '10.50.0.0/24', ipv6: 'fd50::/64' } as const;
const FROM_THEM = { ipv4: '10.60.0.0/24', ipv6: 'fd60::/64' } as const;
const number = (family: Family): string => (family === 'ipv4' ? '4' : '6');

interface Source { readonly name: string; readonly asn: number; readonly side: 'us' | 'them'; readonly ipv4: string; readonly ipv6: string }
const SOURCES: readonly Source[] = [11, 12, 21, 22].map((n) =>
  ({ name: `s${n}`, asn: 65000 + n, side: n < 20 ? 'us' : 'them', ipv4: `10.9.0.${n}`, ipv6: `fd09::${n}` }));

/** A BIRD that announces one prefix of each family, and can be told to stop. */
class SourceSpeaker {
  readonly #control: string;

  constructor(ns: Netns, source: Source) {
    this.#control = join(ns.directory, 'bird.ctl');
    const config = join(ns.directory, 'bird.conf');
    writeFileSync(config, sourceConfig(source));
    ns.spawn(pathOf('bird')!, ['-f', '-c', config, '-s', this.#control, '-P', join(ns.directory, 'bird.pid')]);
  }

  set(verb: 'enable' | 'disable'): void { for (const family of FAMILIES) sh('birdc', '-s', this.#control, verb, `bgp${number(family)}`); }
}

function sourceConfig(source: Source): string {
  const { peers, asn, routes } = source.side === 'us' ? { peers: ours, asn: OUR_ASN, routes: FROM_US } : { peers: theirs, asn: THEIR_ASN, routes: FROM_THEM };
  const part = (family: Family): string => `
protocol static static${number(family)} { ${family}; route ${routes[family]} blackhole; }
protocol bgp bgp${number(family)} {
  local ${source[family]} as ${source.asn}; neighbor ${peers[family]} as ${asn};
  hold time 6; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${family} { import none; export where source = RTS_STATIC; next hop self; };
}`;
  return `log stderr all;\nrouter id ${source.ipv4};\nprotocol device {}\n${FAMILIES.map(part).join('\n')}`;
}

/** The speaker that is tested with ours. */
interface Theirs {
  readonly name: string;
  readonly needs: readonly Capability[];
  /** It passes on the next hop of a route that came from the same link. */
  readonly keepsNextHop: boolean;
  /** Resolves when it answers; the function tells the AS paths of the routes that it has from us. */
  start(ns: Netns): Promise<(family: Family) => string[]>;
}

const theirSources = SOURCES.filter((s) => s.side === 'them');

const bird: Theirs = {
  name: 'BIRD', needs: [program('bird'), program('birdc')], keepsNextHop: true,
  start: async (ns) => {
    const [config, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
    const common = 'hold time 6; connect delay time 1; connect retry time 1; error wait time 1, 2;';
    const session = (family: Family): string => `
protocol bgp us${number(family)} {
  local ${theirs[family]} as ${THEIR_ASN}; neighbor ${ours[family]} as ${OUR_ASN}; ${common}
  ${family} { import all; export all; add paths on; };
}
${theirSources.map((s) => `protocol bgp ${s.name}_${number(family)} {
  local ${theirs[family]} as ${THEIR_ASN}; neighbor ${s[family]} as ${s.asn}; ${common}
  ${family} { import all; export none; };
}`).join('\n')}`;
    writeFileSync(config, `log stderr all;\nrouter id ${theirs.ipv4};\nprotocol device {}\n${FAMILIES.map(session).join('\n')}`);
    ns.spawn(pathOf('bird')!, ['-f', '-c', config, '-s', control, '-P', join(ns.directory, 'bird.pid')]);
    await eventually(10_000, () => sh('birdc', '-s', control, 'show', 'status'));
    return (family) => {
      const { stdout } = spawnSync('birdc', ['-s', control, 'show', 'route', FROM_US[family], 'all', 'protocol', `us${number(family)}`], { encoding: 'utf8' });
      return [...stdout.matchAll(/BGP\.as_path: (.*)/g)].map((m) => m[1]!.trim());
    };
  },
};

const frr: Theirs = {
  name: 'FRR', needs: [program('zebra'), program('bgpd'), program('vtysh')], keepsNextHop: true,
  start: async (ns) => {
    const path = (name: string): string => join(ns.directory, name);
    sh('chmod', '755', join(ns.directory, '..'));
    sh('chown', 'frr:frr', ns.directory);
    const neighbours = FAMILIES.flatMap((family) => [[ours[family], OUR_ASN] as const, ...theirSources.map((s) => [s[family], s.asn] as const)]);
    const activated = (family: Family): string => [
      ` address-family ${family} unicast`, `  neighbor ${ours[family]} activate`, `  neighbor ${ours[family]} addpath-tx-all-paths`,
      ...theirSources.map((s) => `  neighbor ${s[family]} activate`), ' exit-address-family',
    ].join('\n');
    writeFileSync(path('zebra.conf'), '');
    writeFileSync(path('bgpd.conf'), `
log stdout
router bgp ${THEIR_ASN}
 bgp router-id ${theirs.ipv4}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 timers bgp 2 6
${neighbours.map(([address, asn]) => ` neighbor ${address} remote-as ${asn}\n neighbor ${address} timers connect 1\n neighbor ${address} advertisement-interval 0`).join('\n')}
${FAMILIES.map(activated).join('\n')}
`);
    const common = (name: string): string[] => ['-f', path(`${name}.conf`), '-i', path(`${name}.pid`), '-z', path('zserv.api'), '--vty_socket', ns.directory, '-P', '0', '--log', 'stdout'];
    const vtysh = (daemon: string, command: string): string => sh('vtysh', '--vty_socket', ns.directory, '-d', daemon, '-c', command);
    ns.spawn(pathOf('zebra')!, common('zebra'));
    await eventually(10_000, () => vtysh('zebra', 'show version'));
    ns.spawn('/usr/lib/frr/bgpd', [...common('bgpd'), '-p', '179']);
    await eventually(10_000, () => vtysh('bgpd', 'show version'));
    return (family) => {
      const shown = JSON.parse(vtysh('bgpd', `show bgp ${family} unicast ${FROM_US[family]} json`)) as
        { paths?: { aspath: { string: string }; peer: { peerId: string } }[] };
      return (shown.paths ?? []).filter((p) => p.peer.peerId === ours[family]).map((p) => p.aspath.string);
    };
  },
};

const gobgp: Theirs = {
  name: 'GoBGP', needs: [program('gobgpd'), program('gobgp')], keepsNextHop: false,
  start: async (ns) => {
    const config = join(ns.directory, 'gobgpd.toml');
    const neighbour = (address: string, asn: number, family: Family, more = ''): string => `
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${address}"
    peer-as = ${asn}
  [neighbors.timers.config]
    hold-time = 6
    keepalive-interval = 2
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}-unicast"${more}`;
    const addPaths = '\n    [neighbors.afi-safis.add-paths.config]\n      receive = true\n      send-max = 8';
    writeFileSync(config, `
[global.config]
  as = ${THEIR_ASN}
  router-id = "${theirs.ipv4}"
  local-address-list = ["${theirs.ipv4}", "${theirs.ipv6}"]
${FAMILIES.map((family) => neighbour(ours[family], OUR_ASN, family, addPaths) + theirSources.map((s) => neighbour(s[family], s.asn, family)).join('')).join('')}
`);
    ns.spawn(pathOf('gobgpd')!, ['-f', config, '--api-hosts', '127.0.0.1:50051', '--log-plain']);
    const call = (...words: string[]): string => sh('nsenter', `--net=${ns.path}`, 'gobgp', ...words);
    await eventually(10_000, () => call('global'));
    return (family) => {
      const text = call('global', 'rib', '-a', family, '-j');
      const shown = JSON.parse(text === '' ? '{}' : text) as Record<string, { 'neighbor-ip'?: string; attrs: { type: number; as_paths?: { asns: number[] }[] }[] }[]>;
      return (shown[FROM_US[family]] ?? []).filter((p) => p['neighbor-ip'] === ours[family])
        .map((p) => p.attrs.find((a) => a.type === 2)!.as_paths!.flatMap((s) => s.asns).join(' '));
    };
  },
};

/** One shared link: a bridge in a namespace of its own. */
function lan(net: Namespaces, members: readonly [Netns, readonly string[]][]): void {
  const wire = net.add('lan');
  wire.ip('link', 'add', 'br0', 'type', 'bridge');
  wire.ip('link', 'set', 'br0', 'up');
  for (const [member, addresses] of members) {
    net.link(wire, member, { names: [`to-${member.name}`, 'eth0'], addresses: [[], addresses] });
    wire.ip('link', 'set', `to-${member.name}`, 'master', 'br0');
  }
}

const ends = ({ ipv4, ipv6 }: { readonly ipv4: string; readonly ipv6: string }): string[] => [`${ipv4}/24`, `${ipv6}/64`];

for (const daemon of [bird, frr, gobgp]) {
  const test = skipUnless(root, namespaces, program('bird'), program('birdc'), ...daemon.needs);
  test(`${daemon.name}: every way to a prefix passes in both directions, goes and comes back by itself`, async () => {
    await using net = await Namespaces.create(`add-path ${daemon.name}`);
    const [us, them] = [net.add('us'), net.add('them')];
    const around = SOURCES.map((source) => ({ source, ns: net.add(source.name) }));
    lan(net, [[us, ends(ours)], [them, ends(theirs)], ...around.map(({ source, ns }): [Netns, string[]] => [ns, ends(source)])]);
    const pathsFromUs = await daemon.start(them);
    const speakers = around.map(({ source, ns }) => new SourceSpeaker(ns, source));
    /** The second of theirs and the first of ours. */
    const leaving = [speakers[3]!, speakers[0]!];
    const peers = FAMILIES.flatMap((family) => [
      { name: `them${number(family)}`, address: theirs[family], asn: THEIR_ASN, families: [family], addPath: { send: true, receive: true } },
      ...SOURCES.filter((s) => s.side === 'us').map((s) => ({ name: `${s.name}_${number(family)}`, address: s[family], asn: s.asn, families: [family] })),
    ]);
    const speaker = await OurSpeaker.start(us, speakerConfig({ asn: OUR_ASN, routerId: ours.ipv4, peers }));
    const received = async (family: Family): Promise<readonly PathView[]> =>
      (await speaker.routes({ prefix: FROM_THEM[family], peer: `them${number(family)}`, view: 'accepted' })).routes[0]?.paths ?? [];
    const gateways = (family: Family): (string | undefined)[] => us.routes(family === 'ipv4' ? 4 : 6, 'proto', '84')
      .filter((r) => r.dst === FROM_THEM[family]).flatMap((r) => r.nexthops?.map((h) => h.gateway) ?? [r.gateway]).sort();
    const haveBoth = async (ofTheirs: readonly string[], ofOurs: readonly string[]): Promise<void> => {
      for (const family of FAMILIES) {
        await eventually(UP_MS, async () => {
          expect((await received(family)).map((p) => p.asPath).sort()).toEqual(ofTheirs);
          expect(pathsFromUs(family).sort()).toEqual(ofOurs);
        });
      }
    };
    const [A, B] = ['65001 65021', '65001 65022'];
    const [X, Y] = ['64512 65011', '64512 65012'];
    try {
      await speaker.established(UP_MS, 'them4', 'them6');
      await haveBoth([A, B], [X, Y]);
      for (const family of FAMILIES) {
        const ids = (await received(family)).map((p) => p.pathId);
        expect([ids.length, new Set(ids).size, ids.includes(null)]).toEqual([2, 2, false]);
        const sent = (await speaker.routes({ prefix: FROM_US[family], peer: `them${number(family)}`, view: 'advertised' })).routes[0]!.paths;
        expect([new Set(sent.map((p) => p.pathId)).size, sent.map((p) => p.asPath).sort()]).toEqual([2, [X, Y]]);
      }
      if (daemon.keepsNextHop) await eventually(UP_MS, () => { expect(gateways('ipv4')).toEqual(['10.9.0.21', '10.9.0.22']); });
      for (const one of leaving) one.set('disable');
      await haveBoth([A], [Y]);
      if (daemon.keepsNextHop) await eventually(UP_MS, () => { expect(gateways('ipv4')).toEqual(['10.9.0.21']); });
      for (const one of leaving) one.set('enable');
      await haveBoth([A, B], [X, Y]);
      expect((await speaker.peer('them4')).lastError).toBeNull();
    } catch (error) {
      if (error instanceof Error) error.message += `\n\nour log:\n${speaker.log.slice(-4000)}`;
      throw error;
    }
  }, 180_000);
}

/** One foreign daemon, our speaker, and what stands around both, on the links that `peer.ts` draws. */
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { PathView } from '../../../config/messages/bgpd-control.ts';
import type { PeersSection, SpeakerConfig } from '../../../config/messages/speaker-config.ts';
import { eventually, Namespaces, type Netns, type Process } from '../../support/namespaces.ts';
import { OurSpeaker, speakerConfig, type PeerSettings } from '../../support/our-speaker.ts';
import { startBird, type RawDaemon } from '../../support/raw-daemons.ts';
import { LACKS, type Feature, type PeerName } from './cells.ts';
import {
  BEYOND, BEYOND_ASNS, HOLD_SECONDS, KEY, LONG_LIVED_SECONDS, OURS, OUR_ASN, OUR_BLOCK, SRC, SRC_ASN, SRC_INTERNAL_ROUTE, SRC_LARGE, SRC_NO_EXPORT,
  SRC_TAGGED, SRC_TWO_WAYS, THEIRS, THEIR_ASN, THEIR_LARGE, THEIR_LEAVING, THEIR_TWO_WAYS, many, type Peer, type Speaker,
} from './peer.ts';

export const UP_MS = 30_000;

export interface Rig extends AsyncDisposable {
  readonly peer: Peer;
  readonly us: Netns;
  readonly them: Netns;
  readonly int: Netns;
  readonly ours: OurSpeaker;
  readonly src: RawDaemon;
  theirs: Speaker;
  /** Changes what our side wants of named peers; what was said before of others stays. */
  set(changes: Readonly<Record<string, Partial<PeerSettings>>>): Promise<void>;
  /** Our routes to a prefix that a peer of ours brought, after import. */
  paths(prefix: string, peer: string): Promise<readonly PathView[]>;
  /** Ends the capture; the file then holds everything. */
  captured(): Promise<string>;
}

export const lacks = (peer: Peer, feature: Feature): boolean => LACKS[peer.name as PeerName][feature] !== undefined;

/** Starts with GTSM on both sessions, which the peer has on v6 only: the first tests set that right. */
export async function startRig(peer: Peer): Promise<Rig> {
  const net = await Namespaces.create(`matrix ${peer.name}`);
  try {
    return await started(net, peer);
  } catch (error) {
    await net[Symbol.asyncDispose]();
    throw error;
  }
}

async function started(net: Namespaces, peer: Peer): Promise<Rig> {
  const [us, them, source, beyond, int] = [net.add('us'), net.add('them'), net.add('src'), net.add('beyond'), net.add('int')];
  connect(net, { us, them, src: source, beyond, int });
  const capture = await startCapture(us);
  const [src, , theirs] = await Promise.all([startBird(source, srcConfig()), startBird(beyond, beyondConfig()), peer.start(them, { role: 'external' })]);
  let wanted = firstSettings(peer);
  const ours = await OurSpeaker.start(us, configOf(wanted, peer));
  return {
    peer, us, them, int, ours, src, theirs,
    set: async (changes) => {
      wanted = wanted.map((p) => ({ ...p, ...changes[p.name] }));
      await ours.apply({ peers: configOf(wanted, peer).peers });
    },
    paths: async (prefix, name) => (await ours.routes({ prefix, peer: name, view: 'accepted' })).routes[0]?.paths ?? [],
    captured: () => capture.end(),
    [Symbol.asyncDispose]: () => net[Symbol.asyncDispose](),
  };
}

function connect(net: Namespaces, ns: Readonly<Record<'us' | 'them' | 'src' | 'beyond' | 'int', Netns>>): void {
  const ends = (of: typeof OURS | typeof THEIRS): string[] => [`${of.v4}/24`, `${of.v6}/64`, `${of.x}/64`];
  net.link(ns.us, ns.them, { addresses: [ends(OURS), ends(THEIRS)] });
  net.link(ns.us, ns.them, { names: ['un0', 'un0'] });
  net.link(ns.us, ns.src, { addresses: [[`${OURS.src}/24`, `${SRC.ourInternal}/24`], [`${SRC.external}/24`, `${SRC.internal}/24`]] });
  net.link(ns.them, ns.beyond, { addresses: [BEYOND.daemon.map((a) => `${a}/24`), BEYOND.sources.map((a) => `${a}/24`)] });
  net.link(ns.us, ns.int, { addresses: [[`${OURS.int}/24`], [`${THEIRS.int}/24`]] });
  ns.int.ip('route', 'add', '10.8.0.0/15', 'via', OURS.int);
  for (const end of [ns.us, ns.them]) end.exec('sysctl', '-qw', 'net.ipv6.conf.un0.accept_ra=0');
}

function firstSettings(peer: Peer): PeerSettings[] {
  const common: Partial<PeerSettings> = {
    asn: THEIR_ASN, restartTimeSeconds: peer.restartSeconds, ...(!lacks(peer, 'longLivedOurs') && { longLivedStaleSeconds: LONG_LIVED_SECONDS }),
  };
  return [
    { name: 'v4', address: THEIRS.v4, asn: THEIR_ASN, families: ['ipv4'], ...common, addPath: { send: true, receive: true },
      password: KEY, ttlSecurityHops: 1, ...(!lacks(peer, 'roles') && { role: { local: 'provider', strict: true } as const }) },
    { name: 'v6', address: THEIRS.v6, asn: THEIR_ASN, families: ['ipv6'], ...common, addPath: { send: true, receive: true }, ttlSecurityHops: 1 },
    ...(lacks(peer, 'nextHop6') ? [] : [{ name: 'x', address: THEIRS.x, asn: THEIR_ASN, families: ['ipv4'] as const, ...common, extendedNextHop: true }]),
    { name: 'src', address: SRC.external, asn: SRC_ASN, families: ['ipv4'], addPath: { send: false, receive: true } },
    { name: 'src-int', address: SRC.internal, asn: OUR_ASN, families: ['ipv4'] },
    { name: 'int', address: THEIRS.int, asn: OUR_ASN, families: ['ipv4'], passive: true, reflectorClient: true, gracefulRestart: false },
    ...(lacks(peer, 'unnumbered') ? [] : [{ name: 'un', address: 'un0', asn: 'external' as const, families: ['ipv4', 'ipv6'] as const, extendedNextHop: true,
      restartTimeSeconds: peer.restartSeconds, ...(!lacks(peer, 'longLivedOurs') && { longLivedStaleSeconds: LONG_LIVED_SECONDS }) }]),
  ];
}

/** The peer named `un` is at the other end of a link, not at an address. */
function configOf(settings: readonly PeerSettings[], peer: Peer): SpeakerConfig {
  const config = speakerConfig({ asn: OUR_ASN, routerId: OURS.v4, originate: Object.values(OUR_BLOCK), peers: settings, restartTimeSeconds: peer.restartSeconds });
  const peers: PeersSection = {
    peers: config.peers.peers.filter((p) => p.name !== 'un'),
    unnumbered: config.peers.peers.filter((p) => p.name === 'un').map(({ name, address, ...template }) => ({ name, interface: address, template })),
  };
  return { ...config, peers };
}

const TIMES = `hold time ${HOLD_SECONDS}; connect delay time 1; connect retry time 1; error wait time 1, 1;`;
const addAll = (communities: readonly string[]): string => communities.map((c) => `bgp_community.add((${c.replace(':', ',')}));`).join(' ');

function srcConfig(): string {
  const routes = (list: readonly string[]): string => list.map((r) => `route ${r} blackhole;`).join(' ');
  return `
router id ${SRC.external};
filter outgoing {
  if source != RTS_STATIC || net = ${SRC_INTERNAL_ROUTE} then reject;
  if net = ${SRC_TWO_WAYS} then { if proto = "one" then bgp_path.prepend(65011); else bgp_path.prepend(65012); }
  if net = ${SRC_LARGE} then { ${addAll(many(SRC_ASN))} }
  if net = ${SRC_TAGGED} then { bgp_community.add((${SRC_ASN}, 7)); bgp_large_community.add((${SRC_ASN}, 1, 2)); bgp_ext_community.add((rt, ${SRC_ASN}, 9)); }
  if net = ${SRC_NO_EXPORT} then bgp_community.add((65535, 65281));
  if net = ${THEIR_LEAVING} then { bgp_path.prepend(65013); bgp_path.prepend(65013); bgp_path.prepend(65013); }
  accept;
}
protocol device {}
protocol static one { ipv4; ${routes([SRC_TWO_WAYS, SRC_LARGE, SRC_TAGGED, SRC_NO_EXPORT, THEIR_LEAVING, SRC_INTERNAL_ROUTE])} }
protocol static two { ipv4; ${routes([SRC_TWO_WAYS])} }
protocol bgp outside { local ${SRC.external} as ${SRC_ASN}; neighbor ${OURS.src} as ${OUR_ASN}; ${TIMES} enable extended messages on;
  ipv4 { import all; export filter outgoing; add paths tx; next hop self; }; }
protocol bgp inside { local ${SRC.internal} as ${OUR_ASN}; neighbor ${SRC.ourInternal} as ${OUR_ASN}; ${TIMES}
  ipv4 { import all; export where net = ${SRC_INTERNAL_ROUTE}; next hop self; }; }
`;
}

function beyondConfig(): string {
  return `
router id ${BEYOND.sources[0]};
filter marked { if net = ${THEIR_LARGE} then { ${addAll(many(BEYOND_ASNS[0]))} } accept; }
protocol device {}
protocol static { ipv4; route ${THEIR_TWO_WAYS} blackhole; route ${THEIR_LARGE} blackhole; }
${BEYOND.sources.map((address, i) => `protocol bgp b${i} { local ${address} as ${BEYOND_ASNS[i]!}; neighbor ${BEYOND.daemon[i]!} as ${THEIR_ASN}; router id 10.7.0.${i + 2}; ${TIMES} enable extended messages on;
  ipv4 { import none; export ${i === 0 ? 'filter marked' : `where net = ${THEIR_TWO_WAYS}`}; next hop self; }; }`).join('\n')}
`;
}

/** Everything of port 179 on every link of ours. */
async function startCapture(ns: Netns): Promise<{ end(): Promise<string> }> {
  const file = join(ns.directory, 'bgp.pcap');
  chmodSync(ns.directory, 0o755);
  const process: Process = ns.spawn('tcpdump', ['-i', 'any', '-n', '-U', '-B', '32768', '-s', '0', '-Z', 'root', '-w', file, 'tcp', 'port', '179']);
  await eventually(10_000, () => { if (!process.output.includes('listening on')) throw new Error(`no tcpdump yet: ${process.output}`); });
  return {
    end: async () => {
      process.signal('SIGINT');
      await process.ended;
      if (!/\b0 packets dropped by kernel/.test(process.output)) throw new Error(`tcpdump lost packets: ${process.output}`);
      return file;
    },
  };
}

/** Rows of fields that tshark prints of a capture. */
export function tshark(file: string, filter: string, ...fields: readonly string[]): string[][] {
  const { status, stdout, stderr } = spawnSync('tshark', ['-n', '-r', file, '-Y', filter, '-T', 'fields', ...fields.flatMap((f) => ['-e', f])], { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) throw new Error(`tshark ${filter}: ${stderr}`);
  return stdout.split('\n').filter((line) => line.trim() !== '').map((line) => line.split('\t'));
}


/** Counters for Prometheus, gathered when asked for. Labels name peers, never prefixes; a large mesh is one label. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { PeerDetail, SessionState, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { FAMILIES } from '../lib/ip/prefix.ts';

/** With more mesh peers than this, they are summed under one label. */
const MESH_LABELS = 100;

interface PeerMetric { readonly kind: typeof Gauge | typeof Counter; readonly name: string; readonly help: string; readonly value: (peer: PeerDetail, nowMs: number) => number }

const PEER_METRICS: readonly PeerMetric[] = [
  { kind: Gauge, name: 'tortie_bgp_peer_up', help: '1 while the session is Established; for a summed mesh, how many are', value: (p) => Number(p.state === 'Established') },
  { kind: Gauge, name: 'tortie_bgp_peer_uptime_seconds', help: 'Seconds since the session was established, 0 while it is not; summed for a summed mesh', value: (p, nowMs) => (p.state === 'Established' ? Math.max(0, nowMs - p.sinceMs) / 1000 : 0) },
  { kind: Gauge, name: 'tortie_bgp_peer_admin_down', help: '1 while an operator holds the session down', value: (p) => Number(p.shutdown !== undefined) },
  { kind: Gauge, name: 'tortie_bgp_peer_bfd_up', help: '1 while BFD to the peer is Up; 0 also where it is not asked for', value: (p) => Number(p.bfd?.state === 'Up') },
  { kind: Counter, name: 'tortie_bgp_peer_bfd_failures_total', help: 'Times BFD to the peer failed since its session began', value: (p) => p.bfd?.session?.failures ?? 0 },
  { kind: Counter, name: 'tortie_bgp_peer_bfd_ended_total', help: 'BGP sessions that BFD ended since start', value: (p) => p.bfd?.ended ?? 0 },
  { kind: Gauge, name: 'tortie_bgp_peer_routes_stale', help: 'Routes kept for a restarting peer', value: (p) => p.stale },
  { kind: Counter, name: 'tortie_bgp_peer_messages_in_total', help: 'Messages received since start', value: (p) => p.counters.messagesIn },
  { kind: Counter, name: 'tortie_bgp_peer_messages_out_total', help: 'Messages sent since start', value: (p) => p.counters.messagesOut },
  { kind: Counter, name: 'tortie_bgp_peer_bytes_in_total', help: 'Octets of messages received since start', value: (p) => p.messages.in.bytes },
  { kind: Counter, name: 'tortie_bgp_peer_bytes_out_total', help: 'Octets of messages sent since start', value: (p) => p.messages.out.bytes },
  { kind: Counter, name: 'tortie_bgp_peer_updates_in_total', help: 'UPDATE messages received since start', value: (p) => p.counters.updatesIn },
  { kind: Counter, name: 'tortie_bgp_peer_updates_out_total', help: 'UPDATE messages sent since start', value: (p) => p.counters.updatesOut },
  { kind: Counter, name: 'tortie_bgp_peer_established_total', help: 'Times the session was established since start', value: (p) => p.counters.established },
];

/** Gauges for each address family: refused routes count as received. */
const FAMILY_METRICS = [
  ['tortie_bgp_peer_prefixes_received', 'Prefixes received, those that an import filter refused too', 'received'],
  ['tortie_bgp_peer_prefixes_accepted', 'Prefixes accepted', 'accepted'],
  ['tortie_bgp_peer_prefixes_advertised', 'Prefixes advertised', 'advertised'],
] as const;

const MESSAGE_TYPES = { open: 'open', update: 'update', keepalive: 'keepalive', notification: 'notification', route_refresh: 'routeRefresh' } as const;

/** Number of each state, as bgp4-mib and the field's exporters count them (RFC 4273 bgpPeerState). */
const STATE_NUMBERS: Readonly<Record<SessionState, number>> = { Idle: 1, Connect: 2, Active: 3, OpenSent: 4, OpenConfirm: 5, Established: 6 };

/** The metrics of one moment as text. */
export async function metricsText(status: SpeakerStatus, peers: readonly PeerDetail[], nowMs: number): Promise<string> {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  gauge('tortie_bgp_start_time_seconds', 'When bgpd started, seconds since 1970').set(status.startedAtMs / 1000);
  gauge('tortie_bgp_restarting', '1 while best paths are deferred after a restart').set(Number(status.restarting));
  gauge('tortie_bgp_problems', 'Problems reported in the status').set(status.problems.length);
  gauge('tortie_bgp_originated', 'Prefixes this node announces').set(status.originated.length);
  for (const [name, help, key] of [
    ['tortie_bgp_prefixes', 'Prefixes known', 'prefixes'], ['tortie_bgp_paths', 'Routes known', 'paths'],
    ['tortie_bgp_installed', 'Routes in the kernel', 'installed'],
  ] as const) {
    const byFamily = gauge(name, help, ['family']);
    for (const family of FAMILIES) byFamily.set({ family }, status.routes[family][key]);
  }
  addPeers(registry, peers, nowMs);
  return registry.metrics();
}

function addPeers(registry: Registry, peers: readonly PeerDetail[], nowMs: number): void {
  const registers = [registry];
  const isMeshSummed = peers.filter((p) => p.origin === 'mesh').length > MESH_LABELS;
  const isSummed = (p: PeerDetail): boolean => isMeshSummed && p.origin === 'mesh';
  const labelOf = (p: PeerDetail): string => (isSummed(p) ? 'mesh' : p.name);
  for (const { kind, name, help, value } of PEER_METRICS) {
    const byPeer = new kind({ name, help, labelNames: ['peer'], registers });
    for (const p of peers) byPeer.inc({ peer: labelOf(p) }, value(p, nowMs));
  }
  for (const [name, help, key] of FAMILY_METRICS) {
    const byFamily = new Gauge({ name, help, labelNames: ['peer', 'family'], registers });
    for (const p of peers) for (const family of FAMILIES) if (p.perFamily[family] !== undefined) byFamily.inc({ peer: labelOf(p), family }, p.perFamily[family][key]);
  }
  const messages = new Counter({ name: 'tortie_bgp_peer_messages_total', help: 'Messages since start, by type and direction', labelNames: ['peer', 'direction', 'type'], registers });
  for (const p of peers) {
    for (const direction of ['in', 'out'] as const) {
      for (const [type, key] of Object.entries(MESSAGE_TYPES)) messages.inc({ peer: labelOf(p), direction, type }, p.messages[direction][key]);
    }
  }
  const state = new Gauge({ name: 'tortie_bgp_peer_state', help: '1 Idle, 2 Connect, 3 Active, 4 OpenSent, 5 OpenConfirm, 6 Established; not for a summed mesh', labelNames: ['peer'], registers });
  const lastError = new Gauge({ name: 'tortie_bgp_peer_last_error', help: 'Code * 256 + subcode of the last NOTIFICATION, either way; 0: there was none. Not for a summed mesh', labelNames: ['peer'], registers });
  for (const p of peers) {
    if (isSummed(p)) continue;
    state.set({ peer: p.name }, STATE_NUMBERS[p.state]);
    lastError.set({ peer: p.name }, lastErrorOf(p));
  }
}

/** Code and subcode are the first two octets after the header of the last NOTIFICATION. */
function lastErrorOf({ errors }: PeerDetail): number {
  const last = errors.findLast((e) => e.bytes !== '');
  return last === undefined ? 0 : Number.parseInt(last.bytes.slice(0, 4), 16);
}

/** Counters for Prometheus, gathered when asked for. Labels name peers, never prefixes; a large mesh is one label. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { PeerStatus, SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { FAMILIES } from '../lib/ip/prefix.ts';

/** With more mesh peers than this, they are summed under one label. */
const MESH_LABELS = 100;

interface PeerMetric { readonly kind: typeof Gauge | typeof Counter; readonly name: string; readonly help: string; readonly value: (peer: PeerStatus) => number }

const PEER_METRICS: readonly PeerMetric[] = [
  { kind: Gauge, name: 'tortie_bgp_peer_up', help: '1 while the session is Established; for a summed mesh, how many are', value: (p) => Number(p.state === 'Established') },
  { kind: Gauge, name: 'tortie_bgp_peer_routes_received', help: 'Routes accepted from the peer', value: (p) => p.received },
  { kind: Gauge, name: 'tortie_bgp_peer_routes_stale', help: 'Routes kept for a restarting peer', value: (p) => p.stale },
  { kind: Gauge, name: 'tortie_bgp_peer_routes_advertised', help: 'Routes sent to the peer', value: (p) => p.advertised },
  { kind: Counter, name: 'tortie_bgp_peer_messages_in_total', help: 'Messages received since start', value: (p) => p.counters.messagesIn },
  { kind: Counter, name: 'tortie_bgp_peer_messages_out_total', help: 'Messages sent since start', value: (p) => p.counters.messagesOut },
  { kind: Counter, name: 'tortie_bgp_peer_updates_in_total', help: 'UPDATE messages received since start', value: (p) => p.counters.updatesIn },
  { kind: Counter, name: 'tortie_bgp_peer_updates_out_total', help: 'UPDATE messages sent since start', value: (p) => p.counters.updatesOut },
  { kind: Counter, name: 'tortie_bgp_peer_established_total', help: 'Times the session was established since start', value: (p) => p.counters.established },
];

/** The metrics of one moment as text. */
export async function metricsText(status: SpeakerStatus): Promise<string> {
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
  const isMeshSummed = status.peers.filter((p) => p.origin === 'mesh').length > MESH_LABELS;
  for (const { kind, name, help, value } of PEER_METRICS) {
    const byPeer = new kind({ name, help, labelNames: ['peer'], registers: [registry] });
    for (const peer of status.peers) byPeer.inc({ peer: isMeshSummed && peer.origin === 'mesh' ? 'mesh' : peer.name }, value(peer));
  }
  return registry.metrics();
}

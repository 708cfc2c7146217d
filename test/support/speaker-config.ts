/** Sections of a SpeakerConfig with sensible defaults, for tests. */
import type { GlobalSection, PeerConfig, SpeakerConfig } from '../../config/messages/speaker-config.ts';

export interface GlobalSome extends Partial<Omit<GlobalSection, 'gracefulRestart' | 'kernel' | 'listen'>> {
  readonly listen?: Partial<GlobalSection['listen']>;
  readonly gracefulRestart?: Partial<GlobalSection['gracefulRestart']>;
  readonly kernel?: Partial<GlobalSection['kernel']>;
}

export function globalSection(some: GlobalSome = {}): GlobalSection {
  return {
    asn: 64512, routerId: '192.0.2.254', ...some,
    listen: { port: 179, addresses: [], ...some.listen },
    gracefulRestart: { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60, ...some.gracefulRestart },
    kernel: { table: 254, metric: 1024, install: true, maximumPaths: 16, ...some.kernel },
  };
}

export function peerConfig(address: string, some: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: `Static_${address.replaceAll(/[.:]/g, '_')}`, origin: 'static', address, port: 179, asn: 64512, passive: false,
    families: [address.includes(':') ? 'ipv6' : 'ipv4'], holdTimeSeconds: 90, connectRetrySeconds: 1, gracefulRestart: true,
    nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: [], ...some,
  };
}

export interface SpeakerSome {
  readonly global?: GlobalSome;
  readonly peers?: readonly PeerConfig[];
  readonly filters?: SpeakerConfig['filters']['filters'];
  /** Prefixes; each with a blackhole. */
  readonly originate?: readonly string[];
}

export function speakerConfig(some: SpeakerSome = {}): SpeakerConfig {
  return {
    global: globalSection(some.global),
    peers: { peers: some.peers ?? [] },
    filters: { filters: some.filters ?? [] },
    originate: { routes: (some.originate ?? []).map((prefix) => ({ prefix, blackhole: true })) },
  };
}

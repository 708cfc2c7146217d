/**
 * A rehearsal before peers come: a speaker without a network takes a thousand routes some times, passes them on and
 * withdraws them, so that the engine has compiled what a burst runs through. Cold, the first 10,000 cost twice as much.
 */
import type { PeerConfig, SpeakerConfig } from '../config/messages/speaker-config.ts';
import type { Clock } from '../lib/clock.ts';
import { prefixOf, type Ipv4, type Prefix } from '../lib/ip/prefix.ts';
import { ip } from '../lib/ip/text.ts';
import { silentLog } from '../lib/log.ts';
import type { Connection, ConnectionCallbacks, FibPort, ResolverPort } from './ports.ts';
import { startSpeaker } from './speaker.ts';
import { ORIGINATED } from './wire/attribute-changes.ts';
import { encodeMessage } from './wire/codec.ts';
import { capabilitiesWith, wireContext } from './wire/context.ts';
import { packUpdates, packWithdrawals } from './wire/pack.ts';

export interface RehearsalPorts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly soon: (work: () => void) => void;
  /** Takes routes as the kernel would, and leaves the kernel alone. */
  readonly fib: FibPort;
}

const ROUTES = 1024;
/** Each announces all routes, then withdraws them. */
const ROUNDS = 4;
const SESSION = wireContext({ external: true });

/** Addresses of TEST-NET-1 (RFC 5737); the first one announces, the other is told. */
const PEERS = ['192.0.2.1', '192.0.2.2'].map((address, i): PeerConfig => ({
  name: `rehearsal_${i}`, origin: 'static', address, port: 179, asn: 64_497 + i, passive: true, families: ['ipv4'], holdTimeSeconds: 0,
  connectRetrySeconds: 60, gracefulRestart: false, nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: [],
}));

const CONFIG: SpeakerConfig = {
  global: {
    asn: 64_496, routerId: '192.0.2.3', listen: { port: 179, addresses: [] },
    gracefulRestart: { restartTimeSeconds: 0, staleRoutesCapSeconds: 0, selectionDeferralSeconds: 0 },
    kernel: { table: 254, metric: 1024, install: true, maximumPaths: 8 },
  },
  peers: { peers: PEERS }, filters: { filters: [] }, originate: { routes: [] },
};

const NOTHING: Disposable = { [Symbol.dispose]: () => undefined };
const ON_LINK: ResolverPort = {
  resolve: () => ({ reachable: true, gateway: undefined, interfaceIndex: 1, metric: 0 }),
  onChange: () => NOTHING,
};

/** Resolves when it is over, after a tenth of a second of work in small turns. */
export async function rehearse(ports: RehearsalPorts): Promise<void> {
  let accept: ((connection: Connection) => void) | undefined;
  const speaker = startSpeaker({
    ...ports, log: silentLog, resolver: ON_LINK, fib: () => ports.fib,
    transport: {
      dial: () => Promise.reject(new Error('a rehearsal has no network')),
      listen: (_address, _port, accepted) => {
        accept = accepted;
        return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
      },
    },
  });
  await speaker.apply(CONFIG);
  const lines = PEERS.map(({ address }) => new Line(ip(address) as Ipv4));
  lines.forEach((line, i) => {
    accept?.(line);
    line.say(openOf(PEERS[i]!), encodeMessage({ type: 'keepalive' }, SESSION));
  });
  const prefixes = Array.from({ length: ROUTES }, (_, i): Prefix => prefixOf((0x0a000000 + i * 64) as Ipv4, 26));
  for (let round = 0; round < ROUNDS; round++) {
    for (const messages of [announcements(prefixes, round % 2 === 0 ? ROUTES : 8), packWithdrawals({ family: 'ipv4', prefixes, context: SESSION })]) {
      lines[0]!.say(...messages);
      await new Promise<void>((resolve) => { ports.soon(resolve); });
      await speaker.routing.settle();
    }
  }
  await speaker.close();
}

function openOf({ address, asn }: PeerConfig): Uint8Array {
  return encodeMessage({
    type: 'open', version: 4, asn: asn as number, holdTimeSeconds: 0, routerId: ip(address) as Ipv4,
    capabilities: capabilitiesWith({ families: ['ipv4'], fourOctetAs: true, routeRefresh: true }),
  }, SESSION);
}

/** Every `group` prefixes have attributes of their own. */
function announcements(prefixes: readonly Prefix[], group: number): Uint8Array[] {
  return Array.from({ length: prefixes.length / group }, (_, i) => packUpdates({
    family: 'ipv4', prefixes: prefixes.slice(i * group, (i + 1) * group), context: SESSION, nextHop: { address: ip('192.0.2.1') },
    attributes: { ...ORIGINATED, asPath: [{ type: 'sequence', asns: [64_497, 4_200_000_000 + i] }], asPathLength: 2, communities: [i] },
  })).flat();
}

/** A connection whose other end is this file, and does not listen. */
class Line implements Connection {
  readonly local = ip('192.0.2.3');
  readonly remote: Ipv4;
  readonly remotePort = 179;
  #callbacks: ConnectionCallbacks | undefined;

  constructor(remote: Ipv4) { this.remote = remote; }

  say(...messages: readonly Uint8Array[]): void { this.#callbacks?.data(new Uint8Array(Buffer.concat(messages))); }
  write(): boolean { return true; }
  end(): void { this.#callbacks = undefined; }
  destroy(): void { this.#callbacks = undefined; }
  listen(callbacks: ConnectionCallbacks): void { this.#callbacks = callbacks; }
}

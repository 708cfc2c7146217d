/** Records what the outside does to a speaker and what it does in turn, one JSON object a line, so that it can be replayed. */
import { createWriteStream, renameSync, statSync } from 'node:fs';
import type { SpeakerConfig } from '../config/messages/speaker-config.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ip } from '../lib/ip/prefix.ts';
import { showIp, showPrefix } from '../lib/ip/text.ts';
import type { Connection, ConnectionCallbacks, FibPort, ForeignRoutesPort, KernelRoute, ResolverPort, RouteRefusal, TransportPort } from './ports.ts';
import type { SpeakerPorts } from './speaker.ts';

/**
 * Three sorts of lines, in the order in which they happened; `at`: milliseconds since the recorder was made.
 * `event`: something came from outside. `answer`: what the outside said when it was asked at once (next hops, chance).
 * `effect`: what the speaker did. Bytes are hex. What unnumbered peers hear on their links is not recorded, nor what BFD says.
 */
export interface RecordLine { readonly at: number; readonly event?: string; readonly answer?: string; readonly effect?: string; readonly [field: string]: unknown }

export class Recorder {
  readonly #clock: Clock;
  readonly #sink: (line: string) => void;
  readonly #start: number;
  /** Question → the last answer that was written. */
  readonly #answers = new Map<string, string>();
  #dials = 0;
  #connections = 0;
  #writes = 0;

  constructor(clock: Clock, sink: (line: string) => void) {
    this.#clock = clock;
    this.#sink = sink;
    this.#start = clock.now();
  }

  /** What the speaker is told; passwords are left out. */
  configured(sections: Partial<SpeakerConfig>): void { this.#line({ event: 'config', sections }); }

  /** Ports that behave like those given and write down all that passes. */
  ports(ports: SpeakerPorts): SpeakerPorts {
    return {
      ...ports,
      clock: this.#timed(ports.clock),
      random: () => this.#answered('random', ports.random(), true),
      soon: (work) => { ports.soon(() => { this.#line({ event: 'turn' }); work(); }); },
      transport: this.#transport(ports.transport),
      resolver: this.#resolver(ports.resolver),
      fib: (place) => this.#fib(ports.fib(place)),
      ...ports.foreign !== undefined && { foreign: this.#foreign(ports.foreign) },
    };
  }

  #line(fields: Omit<RecordLine, 'at'>): void {
    const at = Math.ceil((this.#clock.now() - this.#start) * 1000) / 1000;
    this.#sink(`${JSON.stringify({ at, ...fields }, withoutSecrets)}\n`);
  }

  /** An answer that is as it was is not written again, unless each one counts. */
  #answered<T>(question: string, value: T, isEach = false): T {
    const text = JSON.stringify(value) ?? 'null';
    if (isEach || this.#answers.get(question) !== text) this.#line({ answer: question, value });
    this.#answers.set(question, text);
    return value;
  }

  #timed(clock: Clock): Clock {
    return {
      now: () => clock.now(), wallTime: () => clock.wallTime(),
      after: (ms, callback) => clock.after(ms, () => { this.#line({ event: 'timer' }); callback(); }),
    };
  }

  #resolver(port: ResolverPort): ResolverPort {
    return {
      resolve: (address, index) => {
        const found = port.resolve(address, index);
        this.#answered(`resolve ${showIp(address)} ${index ?? 0}`, { ...found, gateway: found.gateway === undefined ? null : showIp(found.gateway) });
        return found;
      },
      ownAddresses: (index) => {
        const own = port.ownAddresses?.(index) ?? [];
        this.#answered(`own ${index}`, own.map(showIp));
        return own;
      },
      interfaceName: (index) => this.#answered(`name ${index}`, port.interfaceName?.(index)),
      onChange: (listener) => port.onChange(() => { this.#line({ event: 'resolver' }); listener(); }),
    };
  }

  #foreign(port: ForeignRoutesPort): ForeignRoutesPort {
    return {
      ignoreInterfaces: (patterns) => { port.ignoreInterfaces(patterns); },
      follow: (listener) => port.follow((changes) => {
        this.#line({ event: 'foreign', routes: [...changes].map(([prefix, route]) => [showPrefix(prefix), route === undefined ? null : { ...route, gateway: route.gateway === undefined ? null : showIp(route.gateway) }]) });
        listener(changes);
      }),
    };
  }

  #fib(port: FibPort): FibPort {
    const write = async (effect: 'put' | 'remove', routes: readonly KernelRoute[], done: Promise<RouteRefusal[]>): Promise<RouteRefusal[]> => {
      const number = ++this.#writes;
      this.#line({ effect, write: number, routes: routes.map(showKernelRoute) });
      const refused = await done;
      this.#line({ event: 'written', write: number, refused: refused.map((r) => ({ ...r, prefix: showPrefix(r.prefix) })) });
      return refused;
    };
    return {
      list: async () => {
        const routes = await port.list();
        this.#line({ event: 'listed', routes: routes.map(kernelRouteJson) });
        return routes;
      },
      put: (routes) => write('put', routes, port.put(routes)),
      remove: (routes) => write('remove', routes, port.remove(routes)),
      onDisturbed: (listener) => port.onDisturbed?.(() => { this.#line({ event: 'disturbed' }); listener(); }) ?? { [Symbol.dispose]: () => undefined },
    };
  }

  #transport(port: TransportPort): TransportPort {
    return {
      get problems() { return port.problems ?? []; },
      demand: (demands) => { port.demand?.(demands); },
      suspicion: (address, link) => this.#answered(`suspicion ${showIp(address)} ${link ?? ''}`, port.suspicion?.(address, link)),
      listen: (address, number, accept) => port.listen(address, number, (connection) => { accept(this.#connection(connection, 'accepted', {})); }),
      dial: async (options, signal) => {
        const dial = ++this.#dials;
        this.#line({ effect: 'dial', dial, address: showIp(options.address), port: options.port });
        try {
          return this.#connection(await port.dial(options, signal), 'dialed', { dial });
        } catch (error) {
          this.#line({ event: 'dialFailed', dial, reason: reasonOf(error) });
          throw error;
        }
      },
    };
  }

  #connection(inner: Connection, event: 'accepted' | 'dialed', more: object): Connection {
    const connection = ++this.#connections;
    const { local, remote, remotePort, link } = inner;
    this.#line({ event, ...more, connection, local: showIp(local), remote: showIp(remote), remotePort, ...link !== undefined && { link } });
    const recorded = (callbacks: ConnectionCallbacks): ConnectionCallbacks => ({
      data: (chunk) => { this.#line({ event: 'data', connection, hex: hex(chunk) }); callbacks.data(chunk); },
      drained: () => { this.#line({ event: 'drained', connection }); callbacks.drained(); },
      closed: (error) => { this.#line({ event: 'closed', connection, error }); callbacks.closed(error); },
    });
    return {
      local, remote, remotePort, link,
      write: (bytes) => { this.#line({ effect: 'write', connection, hex: hex(bytes) }); return inner.write(bytes); },
      end: () => { this.#line({ effect: 'end', connection }); inner.end(); },
      destroy: () => { this.#line({ effect: 'destroy', connection }); inner.destroy(); },
      listen: (callbacks) => { inner.listen(recorded(callbacks)); },
    };
  }
}

/**
 * Writes to a file that only its owner may read. What is there, of a speaker that has crashed perhaps, becomes `PATH.before`.
 * A disk that is full ends the record, not the speaker.
 */
export function recordTo(path: string, clock: Clock, failed: (error: Error) => void): Recorder {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) renameSync(path, `${path}.before`);
  const stream = createWriteStream(path, { mode: 0o600 });
  stream.on('error', failed);
  return new Recorder(clock, (line) => { if (!stream.destroyed) stream.write(line); });
}

const withoutSecrets = (key: string, value: unknown): unknown => (key === 'password' ? '(left out)' : value);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
const hop = ({ gateway, interfaceIndex }: { readonly gateway: Ip | undefined; readonly interfaceIndex: number }) =>
  ({ gateway: gateway === undefined ? null : showIp(gateway), interfaceIndex });

const kernelRouteJson = (route: KernelRoute): object => ({
  ...route, prefix: showPrefix(route.prefix), ...route.kind === 'unicast' && { nextHops: route.nextHops.map(hop) },
});

/** `10.0.0.0/24 via 192.0.2.1 dev 7, 192.0.2.2 dev 7 metric 100`, `10.0.0.0/26 blackhole`. */
export function showKernelRoute(route: KernelRoute): string {
  const metric = route.metric === undefined ? '' : ` metric ${route.metric}`;
  if (route.kind === 'blackhole') return `${showPrefix(route.prefix)} blackhole${metric}`;
  const hops = route.nextHops.map((h) => `${h.gateway === undefined ? 'link' : showIp(h.gateway)} dev ${h.interfaceIndex}`).sort();
  return `${showPrefix(route.prefix)} via ${hops.join(', ')}${metric}`;
}

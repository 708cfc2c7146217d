/** Replays a record of `bgpd --record` (bgpd/recorder.ts) with a virtual clock, and collects what the speaker does. */
import type { ConnectionCallbacks, Connection, FibPort, ForeignCandidate, ForeignRoutesPort, KernelRoute, Resolution, ResolverPort, RouteRefusal, TransportPort } from '../../bgpd/ports.ts';
import { showKernelRoute, type RecordLine } from '../../bgpd/recorder.ts';
import { startSpeaker } from '../../bgpd/speaker.ts';
import type { SpeakerConfig } from '../../config/messages/speaker-config.ts';
import type { Clock, TimerHandle } from '../../lib/clock.ts';
import { OperationError } from '../../lib/errors.ts';
import type { Ip, Prefix } from '../../lib/ip/prefix.ts';
import { ip, prefix, showIp } from '../../lib/ip/text.ts';
import { silentLog } from '../../lib/log.ts';

/** One line of `effects.jsonl`. */
export type Effect =
  | { readonly to: number; readonly message: string; readonly hex: string }
  | { readonly to: number; readonly ends: 'end' | 'destroy' }
  | { readonly dials: string }
  | { readonly kernel: 'put' | 'remove'; readonly routes: readonly string[] };

export interface Recording { readonly config: Partial<SpeakerConfig>; readonly events: readonly RecordLine[] }

const MESSAGES = ['', 'OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE', 'ROUTE-REFRESH'];

export const linesOf = (text: string): RecordLine[] => text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as RecordLine);

/** A record in the parts that are kept: the configuration it began with, what came from outside, what was done. */
export function partsOf(lines: readonly RecordLine[]): Recording & { readonly effects: Effect[] } {
  const first = lines.find((line) => line.event === 'config');
  const collector = new Collector();
  for (const line of lines) {
    switch (line.effect) {
      case 'write': collector.bytes(line['connection'] as number, line['hex'] as string); break;
      case 'end': case 'destroy': collector.effects.push({ to: line['connection'] as number, ends: line.effect }); break;
      case 'dial': collector.effects.push({ dials: `${String(line['address'])} ${String(line['port'])}` }); break;
      case 'put': case 'remove': collector.effects.push({ kernel: line.effect, routes: line['routes'] as string[] }); break;
      default: break; // an event
    }
  }
  return {
    config: first?.['sections'] as Partial<SpeakerConfig>,
    events: lines.filter((line) => line !== first && line.effect === undefined), effects: collector.effects,
  };
}

/** Effects by what they are done to: within one connection, and within the kernel, their order counts. */
export function inLanes(effects: readonly Effect[]): Record<string, unknown[]> {
  const lanes: Record<string, unknown[]> = {};
  for (const effect of effects) {
    const lane = 'to' in effect ? `connection ${effect.to}` : 'kernel' in effect ? 'kernel' : 'dials';
    (lanes[lane] ??= []).push(effect);
  }
  return lanes;
}

class Collector {
  readonly effects: Effect[] = [];
  bytes(connection: number, hex: string): void {
    for (let at = 0; at < hex.length;) {
      const length = Number.parseInt(hex.slice(at + 32, at + 36), 16) * 2;
      this.effects.push({ to: connection, message: MESSAGES[Number.parseInt(hex.slice(at + 36, at + 38), 16)]!, hex: hex.slice(at, at + length) });
      at += length;
    }
  }
}

/** Runs the record to its end. Throws when the speaker did not even ask for what the record answers. */
export async function replay({ config, events }: Recording): Promise<Effect[]> {
  const world = new World();
  const speaker = startSpeaker({
    clock: world.clock, log: silentLog, random: () => world.random(), soon: (work) => { world.turns.push(work); },
    transport: world.transport, resolver: world.resolver, fib: () => world.fib, foreign: world.foreign,
  });
  const stimuli = withAnswers(events);
  world.answer(stimuli.before);
  let applied = speaker.apply(config);
  for (const { line, answers } of stimuli.lines) {
    await settled();
    world.answer(answers);
    world.clock.moveTo(line.at);
    await settled();
    if (line.event === 'config') applied = speaker.apply(line['sections'] as Partial<SpeakerConfig>);
    else world.happen(line);
  }
  await settled();
  await Promise.race([applied, settled()]);
  return world.collector.effects;
}

/** What was asked in the course of an event is answered before it happens again. */
function withAnswers(events: readonly RecordLine[]): { before: RecordLine[]; lines: { line: RecordLine; answers: RecordLine[] }[] } {
  const before: RecordLine[] = [];
  const lines: { line: RecordLine; answers: RecordLine[] }[] = [];
  for (const line of events) {
    if (line.answer === undefined) lines.push({ line, answers: [] });
    else (lines.at(-1)?.answers ?? before).push(line);
  }
  return { before, lines };
}

/** Lets promises call back. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A timer runs when the record says that one ran: in reality it is late by as much as the process was busy. */
class RecordedClock implements Clock {
  #now = 0;
  #pending: { readonly due: number; readonly callback: () => void }[] = [];

  now(): number { return this.#now; }
  wallTime(): number { return 1_700_000_000_000 + this.#now; }
  after(ms: number, callback: () => void): TimerHandle {
    const entry = { due: this.#now + ms, callback };
    this.#pending.push(entry);
    return { [Symbol.dispose]: () => { this.#pending = this.#pending.filter((p) => p !== entry); } };
  }

  /** What is overdue by more than any lateness is a timer that the recorded program did not have. */
  moveTo(at: number): void {
    this.#now = Math.max(this.#now, at);
    while (this.fire(this.#now - LATEST_MS));
  }

  /** Runs the timer that is due first. False: none is. */
  fire(until = this.#now + EARLIEST_MS): boolean {
    const next = this.#pending.filter((p) => p.due <= until).sort((a, b) => a.due - b.due)[0];
    if (next === undefined) return false;
    this.#pending = this.#pending.filter((p) => p !== next);
    next.callback();
    return true;
  }
}

const LATEST_MS = 500;
const EARLIEST_MS = 2;

interface Pending<T> { readonly resolve: (value: T) => void; readonly reject: (error: Error) => void }

class World {
  readonly clock = new RecordedClock();
  readonly turns: (() => void)[] = [];
  readonly collector = new Collector();
  readonly #answers = new Map<string, unknown>();
  readonly #chance: number[] = [];
  readonly #dials = new Map<number, Pending<Connection>>();
  readonly #connections = new Map<number, { callbacks: ConnectionCallbacks | undefined }>();
  readonly #writes = new Map<number, Pending<RouteRefusal[]>>();
  readonly #lists: Pending<KernelRoute[]>[] = [];
  readonly #resolverListeners = new Set<() => void>();
  #disturbed: () => void = () => undefined;
  #followed: (changes: ReadonlyMap<Prefix, ForeignCandidate | undefined>) => void = () => undefined;
  #accept: (connection: Connection) => void = () => undefined;

  random(): number { return this.#chance.shift() ?? 0.5; }

  answer(lines: readonly RecordLine[]): void {
    for (const line of lines) {
      if (line.answer === 'random') this.#chance.push(line['value'] as number);
      else this.#answers.set(line.answer!, line['value']);
    }
  }

  happen(line: RecordLine): void {
    const at = line['connection'] as number;
    switch (line.event) {
      case 'turn': this.turns.shift()?.(); return;
      case 'timer': this.clock.fire(); return;
      case 'dialed': this.#taken(this.#dials, line['dial'] as number, 'dial').resolve(this.#connection(line)); return;
      case 'dialFailed': this.#taken(this.#dials, line['dial'] as number, 'dial').reject(new OperationError('BGP_DIAL', { reason: line['reason'] })); return;
      case 'accepted': this.#accept(this.#connection(line)); return;
      case 'data': this.#connections.get(at)?.callbacks?.data(new Uint8Array(Buffer.from(line['hex'] as string, 'hex'))); return;
      case 'drained': this.#connections.get(at)?.callbacks?.drained(); return;
      case 'closed': this.#connections.get(at)?.callbacks?.closed(line['error'] as string); return;
      case 'listed': this.#lists.shift()?.resolve((line['routes'] as readonly KernelRouteJson[]).map(kernelRoute)); return;
      case 'written': this.#taken(this.#writes, line['write'] as number, 'write to the kernel').resolve(
        (line['refused'] as (Omit<RouteRefusal, 'prefix'> & { prefix: string })[]).map((r) => ({ ...r, prefix: prefix(r.prefix) }))); return;
      case 'disturbed': this.#disturbed(); return;
      case 'resolver': for (const listener of [...this.#resolverListeners]) listener(); return;
      case 'foreign': this.#followed(new Map((line['routes'] as [string, Omit<ForeignCandidate, 'gateway'> & { gateway: string | null } | null][])
        .map(([text, route]) => [prefix(text), route === null ? undefined : { ...route, gateway: gatewayOf(route.gateway) }]))); return;
      default: throw new Error(`the record has an event ${String(line.event)} that replay does not know`);
    }
  }

  readonly transport: TransportPort = {
    dial: (options, signal) => new Promise((resolve, reject) => {
      this.collector.effects.push({ dials: `${showIp(options.address)} ${options.port}` });
      this.#dials.set(++this.#dialCount, { resolve, reject });
      signal.addEventListener('abort', () => { reject(new OperationError('BGP_DIAL', { reason: 'aborted' })); });
    }),
    listen: (_address, _port, accept) => {
      this.#accept = accept;
      return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
    },
    suspicion: (address, link) => this.#answers.get(`suspicion ${showIp(address)} ${link ?? ''}`) as string | undefined,
  };
  #dialCount = 0;
  #writeCount = 0;

  readonly resolver: ResolverPort = {
    resolve: (address, index) => {
      const found = this.#answers.get(`resolve ${showIp(address)} ${index ?? 0}`) as (Omit<Resolution, 'gateway' | 'metric'> & { gateway: string | null; metric: number | null }) | undefined;
      if (found === undefined) return { reachable: false, gateway: undefined, interfaceIndex: 0, metric: Infinity };
      return { ...found, gateway: gatewayOf(found.gateway), metric: found.metric ?? Infinity };
    },
    ownAddresses: (index) => ((this.#answers.get(`own ${index}`) ?? []) as string[]).map(ip),
    interfaceName: (index) => (this.#answers.get(`name ${index}`) as string | null | undefined) ?? undefined,
    onChange: (listener) => {
      this.#resolverListeners.add(listener);
      return { [Symbol.dispose]: () => { this.#resolverListeners.delete(listener); } };
    },
  };

  readonly fib: FibPort = {
    list: () => new Promise((resolve, reject) => { this.#lists.push({ resolve, reject }); }),
    put: (routes) => this.#write('put', routes),
    remove: (routes) => this.#write('remove', routes),
    onDisturbed: (listener) => {
      this.#disturbed = listener;
      return { [Symbol.dispose]: () => { this.#disturbed = () => undefined; } };
    },
  };

  readonly foreign: ForeignRoutesPort = {
    ignoreInterfaces: () => undefined,
    follow: (listener) => {
      this.#followed = listener;
      return { [Symbol.dispose]: () => { this.#followed = () => undefined; } };
    },
  };

  #write(kernel: 'put' | 'remove', routes: readonly KernelRoute[]): Promise<RouteRefusal[]> {
    this.collector.effects.push({ kernel, routes: routes.map(showKernelRoute) });
    return new Promise((resolve, reject) => { this.#writes.set(++this.#writeCount, { resolve, reject }); });
  }

  #connection(line: RecordLine): Connection {
    const number = line['connection'] as number;
    const state: { callbacks: ConnectionCallbacks | undefined } = { callbacks: undefined };
    this.#connections.set(number, state);
    const ended = (ends: 'end' | 'destroy'): void => {
      state.callbacks = undefined;
      this.collector.effects.push({ to: number, ends });
    };
    return {
      local: ip(line['local'] as string), remote: ip(line['remote'] as string), remotePort: line['remotePort'] as number,
      link: line['link'] as Connection['link'],
      write: (bytes) => { this.collector.bytes(number, Buffer.from(bytes).toString('hex')); return true; },
      end: () => { ended('end'); }, destroy: () => { ended('destroy'); },
      listen: (callbacks) => { state.callbacks = callbacks; },
    };
  }

  #taken<T>(waiting: Map<number, T>, number: number, what: string): T {
    const found = waiting.get(number);
    if (found === undefined) throw new Error(`replay has gone another way: there is no ${what} number ${number} at ${this.clock.now()} ms`);
    waiting.delete(number);
    return found;
  }
}

type KernelRouteJson = Omit<KernelRoute, 'prefix' | 'nextHops'> & { readonly prefix: string; readonly nextHops?: readonly { readonly gateway: string | null; readonly interfaceIndex: number }[] };

function kernelRoute(json: KernelRouteJson): KernelRoute {
  const route = { ...json, prefix: prefix(json.prefix), ...json.nextHops !== undefined && { nextHops: json.nextHops.map((h) => ({ ...h, gateway: gatewayOf(h.gateway) })) } };
  return route as KernelRoute;
}

const gatewayOf = (text: string | null): Ip | undefined => (text === null ? undefined : ip(text));


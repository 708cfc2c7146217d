/** Problems where Kubernetes users look for them: as Events of the resource that has them. */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { messageOf, type Problem } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { KINDS, type KindName } from '../config/kinds/kinds.ts';
import type { Storage } from '../config/storage/storage.ts';
import type { KubeClient, KubeObject, Resource } from '../sys/kube/client.ts';

export interface EventPorts {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Says where a Calico resource is stored: Events name its UID, by which kubectl finds them. */
  readonly storage: Storage;
  /** Said as the source of the Event. */
  readonly node: string;
}

export interface ProblemEvents extends Disposable {
  /** Tells of all problems there are now. One that was told lately is not told again; one that is gone is forgotten. */
  report(problems: readonly Problem[]): void;
}

const EVENTS: Resource = { group: '', version: 'v1', plural: 'events', namespaced: true };
/** Where Events of objects without a namespace belong. */
const NAMESPACE = 'default';
/** A problem that lasts is told again after this long, before the API server forgets the Event (an hour). */
const REPEAT_MS = 30 * 60_000;
/** At most this many writes a minute; the rest follow in the next. */
const WRITES_A_MINUTE = 20;
const MINUTE_MS = 60_000;
/** The longest message that the API server takes for an Event. */
const MAXIMUM_MESSAGE = 1024;

interface StoredEvent extends KubeObject { readonly count?: number }

/** All nodes report the same problem of a resource under the same name, so that it is one Event with a count. */
export function startProblemEvents(ports: EventPorts): ProblemEvents { return new Reporter(ports); }

class Reporter implements ProblemEvents {
  readonly #ports: EventPorts;
  /** Event name → when it was written last. */
  readonly #told = new Map<string, number>();
  #current: readonly Problem[] = [];
  #writes = 0;
  #minute: Disposable | undefined;
  #busy = false;
  #stopped = false;

  constructor(ports: EventPorts) { this.#ports = ports; }

  report(problems: readonly Problem[]): void {
    this.#current = problems;
    const names = new Set(problems.map(eventName));
    for (const name of this.#told.keys()) { if (!names.has(name)) this.#told.delete(name); }
    void this.#flush();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#minute?.[Symbol.dispose]();
  }

  async #flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#due(); next !== undefined && this.#writes < WRITES_A_MINUTE; next = this.#due()) {
      this.#writes++;
      this.#told.set(eventName(next), this.#ports.clock.now());
      try {
        await this.#write(next);
      } catch (error) {
        this.#ports.log.warn('events.failed', { path: next.path, reason: messageOf(error) });
      }
    }
    this.#busy = false;
    if (this.#current.length > 0) this.#startMinute();
  }

  #due(): Problem | undefined {
    if (this.#stopped) return undefined;
    const now = this.#ports.clock.now();
    return this.#current.find((p) => now - (this.#told.get(eventName(p)) ?? -Infinity) >= REPEAT_MS);
  }

  /** While there are problems, a look every minute: writes that had to wait, and repetitions. */
  #startMinute(): void {
    if (this.#minute !== undefined || this.#stopped) return;
    this.#minute = this.#ports.clock.after(MINUTE_MS, () => {
      this.#minute = undefined;
      this.#writes = 0;
      void this.#flush();
    });
  }

  async #write(problem: Problem): Promise<void> {
    const { kube } = this.#ports;
    const now = new Date(this.#ports.clock.wallTime()).toISOString().replace(/\.\d+Z$/, 'Z');
    const event = eventOf(problem, await this.#involved(problem), this.#ports.node, now);
    if (await kube.create<StoredEvent>(EVENTS, event) !== 'exists') return;
    const stored = await kube.get<StoredEvent>(EVENTS, event.metadata.name, NAMESPACE);
    const patch = { count: (stored?.count ?? 0) + 1, lastTimestamp: now };
    await kube.patch(EVENTS, event.metadata.name, patch, { namespace: NAMESPACE, type: 'merge' });
  }

  /** The object as kubectl looks for its Events. Of a node that is its name, as kubelets write it. */
  async #involved(problem: Problem): Promise<Involved> {
    const { kind, name } = partsOf(problem.path);
    if (kind === 'Node') return { apiVersion: 'v1', kind, name, uid: name };
    const stored = isKind(kind) ? await this.#ports.kube.get(this.#ports.storage.resource(kind), name) : undefined;
    return { apiVersion: stored?.apiVersion ?? 'v1', kind: stored?.kind ?? kind, name, ...(stored?.metadata.uid === undefined ? {} : { uid: stored.metadata.uid }) };
  }
}

interface Involved { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid?: string }
const isKind = (kind: string): kind is KindName => Object.hasOwn(KINDS, kind);

/** The parts of a path: `BGPPeer/tor-1.spec.asNumber` is kind, name and field. */
function partsOf(path: string): { readonly kind: string; readonly name: string; readonly field: string } {
  const [, kind = '', name = '', field = ''] = /^([A-Za-z]+)\/(.+?)(?:\.((?:spec|metadata|status)\b.*))?$/.exec(path) ?? [];
  return { kind, name: name === '' ? path : name, field };
}

/** `tortie-` and a hash of the problem: the same on every node. */
function eventName(problem: Problem): string {
  return `tortie-${createHash('sha256').update(`${problem.path}\n${problem.message}`).digest('hex').slice(0, 20)}`;
}

function eventOf(problem: Problem, involvedObject: Involved, node: string, now: string): StoredEvent {
  const { field } = partsOf(problem.path);
  const said = field === '' ? problem.message : `${field}: ${problem.message}`;
  return {
    apiVersion: 'v1', kind: 'Event',
    metadata: { name: eventName(problem), namespace: NAMESPACE },
    involvedObject,
    type: 'Warning', reason: 'NotUsable', message: said.slice(0, MAXIMUM_MESSAGE),
    source: { component: 'tortie-agent', host: node }, reportingComponent: 'tortie.dev/agent', reportingInstance: node,
    firstTimestamp: now, lastTimestamp: now, count: 1,
  };
}

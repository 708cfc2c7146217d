/** What one peer's sessions have been through: counters, times and errors, for people to look at. */
import type { PeerConfig } from '../config/messages/speaker-config.ts';
import type { PeerDetail, PeerStatus } from '../config/messages/bgpd-control.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ip, Ipv4 } from '../lib/ip/prefix.ts';
import { showIp } from '../lib/ip/text.ts';
import { describeCapabilities } from './session/capability-text.ts';
import type { Session } from './session/session.ts';
import type { DownReason } from './session/negotiated.ts';
import { MESSAGE_TYPE } from './wire/constants.ts';
import type { Message } from './wire/message.ts';

/** The fields of `PeerStatus` and of `PeerDetail` that the session knows; the RIB and the speaker add the others. */
export type PeerSessionStatus = Omit<PeerStatus, 'received' | 'stale' | 'advertised' | 'endOfRib'>;
/** Without what may change while the session lasts: `status.ts` takes that from the configuration in force. */
export type PeerSessionDetail = Omit<PeerDetail, 'received' | 'stale' | 'advertised' | 'endOfRib' | 'perFamily'
  | 'interface' | 'md5' | 'ttlSecurityHops' | 'maximumPrefixes' | 'importFilters' | 'exportFilters'>;

type Counters = { -readonly [K in keyof PeerDetail['messages']['in']]: number };
type ErrorEntry = PeerDetail['errors'][number];

const ERRORS_KEPT = 8;
const noMessages = (): Counters => ({ open: 0, update: 0, keepalive: 0, notification: 0, routeRefresh: 0, bytes: 0 });

/** Message type on the wire → its counter. */
const COUNTER: readonly (keyof Counters | undefined)[] = (() => {
  const byType: (keyof Counters | undefined)[] = [];
  for (const [name, type] of Object.entries(MESSAGE_TYPE)) byType[type] = name as keyof typeof MESSAGE_TYPE;
  return byType;
})();

export class PeerRecord {
  /** Delivered to the speaker. */
  updatesIn = 0;
  established = 0;
  /** Wall-clock milliseconds of the last change to or from Established. */
  sinceMs: number;
  /** Survives a good session. */
  lastError: string | null = null;
  /** Why it is not Established. */
  info = '';
  readonly #clock: Pick<Clock, 'wallTime'>;
  readonly #in = noMessages();
  readonly #out = noMessages();
  /** Newest last. */
  readonly #errors: ErrorEntry[] = [];
  /** The last NOTIFICATION since it was Established: dials that are refused afterwards do not tell why. */
  #notification = '';

  constructor(clock: Pick<Clock, 'wallTime'>) {
    this.#clock = clock;
    this.sinceMs = clock.wallTime();
  }

  /** Every message counts, also one that cannot be read. */
  received(type: number, bytes: number): void { count(this.#in, COUNTER[type], bytes); }

  sent(type: Message['type'], bytes: number): void {
    count(this.#out, type === 'route-refresh' ? 'routeRefresh' : type, bytes);
  }

  sentUpdates(updates: number, bytes: number): void {
    this.#out.update += updates;
    this.#out.bytes += bytes;
  }

  up(): void {
    this.established++;
    this.sinceMs = this.#clock.wallTime();
    this.info = '';
    this.#notification = '';
  }

  down(reason: DownReason): void {
    this.sinceMs = this.#clock.wallTime();
    this.failed(reason);
  }

  failed(reason: DownReason): void {
    this.lastError = describeEnd(reason);
    this.#noteError(this.lastError, reason.notification);
    const by = SPEAKERS[reason.kind];
    if (by !== undefined || reason.kind === 'administrative') this.#notification = by === undefined ? '' : `${reason.text}, by ${by}`;
    this.info = reason.kind === 'closed' && this.#notification !== '' ? `${this.lastError} (last: ${this.#notification})` : this.lastError;
  }

  /** An operator does not want it to run. */
  heldDown(message: string): void {
    this.info = message === '' ? 'held down by an operator' : `held down by an operator (${JSON.stringify(message)})`;
  }

  status(config: PeerConfig, session: Session): PeerSessionStatus {
    const { negotiated, state } = session;
    const agreed = state === 'Established' ? negotiated : undefined;
    return {
      name: config.name,
      origin: config.origin,
      address: config.address,
      asn: negotiated?.peerAsn ?? (typeof config.asn === 'number' ? config.asn : 0),
      state,
      sinceMs: this.sinceMs,
      info: agreed ? '' : this.info,
      families: agreed?.families ?? [],
      holdTimeSeconds: agreed?.holdTimeSeconds ?? 0,
      keepaliveSeconds: agreed?.keepaliveSeconds ?? 0,
      gracefulRestart: agreed?.gracefulRestart !== undefined,
      counters: {
        messagesIn: messagesOf(this.#in), messagesOut: messagesOf(this.#out),
        updatesIn: this.updatesIn, updatesOut: this.#out.update,
        established: this.established,
      },
      lastError: this.lastError,
    };
  }

  /** `line`: the connection at hand. */
  detail(config: PeerConfig, session: Session, line: { readonly local: Ip | undefined; readonly timers: Record<string, number> }): PeerSessionDetail {
    const { settings, negotiated } = session;
    const agreed = negotiated?.capabilities;
    return {
      ...this.status(config, session),
      port: config.port,
      localAsn: settings.localAsn,
      localAddress: line.local === undefined ? config.sourceAddress ?? null : showIp(line.local),
      kind: kindOf(config, session),
      remoteRouterId: negotiated === undefined ? null : showIp(negotiated.peerRouterId as Ipv4),
      capabilities: agreed === undefined ? null : { local: describeCapabilities(agreed.local), remote: describeCapabilities(agreed.remote) },
      passive: config.passive,
      timers: line.timers,
      messages: { in: { ...this.#in }, out: { ...this.#out } },
      errors: [...this.#errors],
    };
  }

  /** The same failure without a NOTIFICATION again, such as a dial that is refused, takes no other's place. */
  #noteError(text: string, notification: DownReason['notification']): void {
    const bytes = notification === undefined ? '' : hexOf(notification);
    const last = this.#errors.at(-1);
    if (last?.text === text && last.bytes === '' && bytes === '') this.#errors.pop();
    this.#errors.push({ atMs: this.#clock.wallTime(), text, bytes });
    if (this.#errors.length > ERRORS_KEPT) this.#errors.shift();
  }
}

function count(counters: Counters, counter: keyof Counters | undefined, bytes: number): void {
  counters.bytes += bytes;
  if (counter !== undefined) counters[counter]++;
}

const messagesOf = ({ open, update, keepalive, notification, routeRefresh }: Counters): number =>
  open + update + keepalive + notification + routeRefresh;

/** Code, subcode and data, as they stand in the message. */
const hexOf = ({ code, subcode, data }: NonNullable<DownReason['notification']>): string =>
  Buffer.from([code, subcode, ...data]).toString('hex');

function kindOf(config: PeerConfig, { settings, negotiated }: Session): PeerDetail['kind'] {
  const isExternal = negotiated?.external ?? (config.asn !== 'internal' && config.asn !== settings.localAsn);
  return isExternal ? 'ebgp' : config.reflectorClient === true ? 'ibgp-client' : 'ibgp';
}

/** Who sent the NOTIFICATION, where there was one. */
const SPEAKERS: Readonly<Partial<Record<DownReason['kind'], string>>> = { error: 'us', 'hold-timer': 'us', notified: 'the peer' };

/** Which side spoke, and what it said. */
function describeEnd(reason: DownReason): string {
  switch (reason.kind) {
    case 'error': case 'hold-timer': return `sent: ${reason.text}`;
    case 'notified': return `received: ${reason.text}`;
    case 'closed': case 'administrative': return reason.text;
  }
}

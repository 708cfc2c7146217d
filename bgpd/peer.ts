/** Runs the sessions of one peer: owns its connections and timers, and performs what the machines decide. */
import type { GlobalSection, PeerConfig } from '../config/messages/speaker-config.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Family } from '../lib/ip/prefix.ts';
import { parseIp, showIp } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { Channel } from './channel.ts';
import { PeerRecord, type PeerSessionStatus } from './peer-record.ts';
import type { Connection, DialOptions, TransportPort } from './ports.ts';
import { mainOf, newPair, placeIncoming, SLOTS, stepPair, type Pair, type PairEffects, type Slot } from './session/collision.ts';
import { localOpen, settingsFor, type RestartState, type SessionSettings } from './session/negotiate.ts';
import type { DownReason, Endpoints, Negotiated } from './session/negotiated.ts';
import type { Effect, Event, Run, Timer } from './session/session.ts';
import { Timers } from './timers.ts';
import { decodeMessage, encodeMessage } from './wire/codec.ts';
import { CEASE, ERROR } from './wire/constants.ts';
import { wireContext } from './wire/context.ts';
import { WireError } from './wire/errors.ts';
import type { Frame } from './wire/framer.ts';
import type { AttributeInterner } from './wire/interner.ts';
import type { Message, NotificationMessage, UpdateMessage, WireContext } from './wire/message.ts';
import { describeNotification } from './wire/notification.ts';

/** All calls come from within the turn of the event that caused them; they may call the peer's methods. */
export interface PeerCallbacks {
  /** The session is Established. Bytes may be sent from now on. */
  up(negotiated: Negotiated, endpoints: Endpoints): void;
  update(message: UpdateMessage): void;
  /** RFC 2918: send this family again. Only families that were negotiated. */
  routeRefresh(family: Family): void;
  /** The Established session ended; called once for each `up`, except after `close()`. */
  down(reason: DownReason): void;
  /** After `send` returned false: there is room again. */
  drained(): void;
  /** Something in `status()` changed: state, error. Cheap hint. */
  changed(): void;
}

export interface PeerPorts {
  readonly clock: Clock;
  readonly transport: Pick<TransportPort, 'dial'>;
  readonly log: Log;
  /** Uniform in 0..1, for jitter (RFC 4271 §10). */
  readonly random: () => number;
  /** One for the whole speaker. */
  readonly interner: AttributeInterner;
}

export interface PeerOptions {
  readonly config: PeerConfig;
  readonly global: GlobalSection;
  /** R and F bits of the graceful restart capability, asked for at every OPEN. */
  readonly restartState: () => RestartState;
}

/** Why we end a session ourselves: Cease subcodes 2, 3, 4 and 6 of RFC 4486. */
export type StopReason = 'shutdown' | 'deconfigured' | 'reset' | 'configuration-changed';

export type { PeerSessionStatus } from './peer-record.ts';

const CEASE_OF: Readonly<Record<StopReason, number>> = {
  shutdown: CEASE.administrativeShutdown,
  deconfigured: CEASE.peerDeconfigured,
  reset: CEASE.administrativeReset,
  'configuration-changed': CEASE.otherConfigurationChange,
};

/** RFC 4271 §10: these are spread over 75 to 100 % of their length. The hold timer is not. */
const JITTERED: ReadonlySet<Timer> = new Set<Timer>(['connectRetry', 'keepalive', 'idleHold']);
/** After a stall of this process the KEEPALIVE may lie in the socket still: timers run before sockets are read. */
const HOLD_REPRIEVE_MS = 50;

const BEFORE_NEGOTIATION = wireContext();
const KEEPALIVE = encodeMessage({ type: 'keepalive' }, BEFORE_NEGOTIATION);
const UPDATE: Event = { type: 'update' };

/** What belongs to one of the two connections. */
interface Line { readonly channel: Channel; readonly timers: Timers<Timer>; readonly run: Run }

export class Peer {
  readonly config: PeerConfig;
  readonly #ports: PeerPorts;
  readonly #options: PeerOptions;
  readonly #callbacks: PeerCallbacks;
  readonly #settings: SessionSettings;
  readonly #record: PeerRecord;
  readonly #lines: readonly [Line, Line];
  #pair: Pair;
  /** The UPDATE that a `deliver` effect is about. */
  #atHand: UpdateMessage | undefined;
  /** What happens while effects are being performed waits its turn. */
  readonly #waiting: (() => void)[] = [];
  #isPerforming = false;
  #isClosed = false;

  /** Throws RangeError when an address or the router ID is no address: `speaker.ts` has checked the configuration before. */
  constructor(ports: PeerPorts, options: PeerOptions, callbacks: PeerCallbacks) {
    this.config = options.config;
    this.#ports = { ...ports, log: ports.log.child({ peer: options.config.name }) };
    this.#options = options;
    this.#callbacks = callbacks;
    this.#settings = settingsFor(options.global, options.config);
    this.#pair = newPair(this.#settings);
    this.#record = new PeerRecord(ports.clock.wallTime());
    const dialOptions = dialOptionsFor(options.config);
    this.#lines = [this.#newLine(0, dialOptions), this.#newLine(1, dialOptions)];
  }

  /** Present while Established. */
  get negotiated(): Negotiated | undefined {
    const main = mainOf(this.#pair);
    return main.state === 'Established' ? main.negotiated : undefined;
  }

  /** The last NOTIFICATION or failure, in words, and which side spoke. */
  get lastError(): string | null { return this.#record.lastError; }

  /** Begins to dial (or to wait, when passive). Harmless when started. */
  start(): void { this.#step(this.#pair.main, { type: 'manualStart' }); }

  /** Ends all sessions with a Cease; `start` begins anew. Calls `down` if one was Established. */
  stop(reason: StopReason): void {
    const notification: NotificationMessage =
      { type: 'notification', code: ERROR.cease, subcode: CEASE_OF[reason], data: new Uint8Array(0) };
    const stop: Event = { type: 'manualStop', notification, text: describeNotification(notification) };
    for (const slot of SLOTS) this.#step(slot, stop);
  }

  /** Restart semantics: closes TCP without NOTIFICATION and calls nothing back. The peer is of no use afterwards. */
  close(): void {
    this.#isClosed = true;
    for (const { channel, timers } of this.#lines) {
      timers.disarmAll();
      channel.destroy();
    }
  }

  /** Takes an incoming connection from this peer's address; a refused one is destroyed. */
  accept(connection: Connection): void {
    this.#inTurn(() => {
      if (this.#isClosed) { connection.destroy(); return; }
      const [pair, slot, effects] = placeIncoming(this.#pair);
      this.#perform(pair, effects);
      if (slot === undefined) {
        this.#ports.log.debug('session.refused', { state: mainOf(this.#pair).state });
        connection.destroy();
      } else this.#lines[slot].channel.attach(connection, () => { this.#perform(...stepPair(this.#pair, slot, { type: 'accepted' })); });
    });
  }

  /**
   * Queues whole UPDATE or ROUTE-REFRESH messages (`updates`: how many, for the counters); the bytes must not change
   * afterwards. False: wait for `drained`. When no session is Established they are dropped and the answer is true.
   */
  send(bytes: Uint8Array, updates = 1): boolean {
    if (mainOf(this.#pair).state !== 'Established') return true;
    this.#record.messagesOut += updates;
    this.#record.updatesOut += updates;
    return this.#lines[this.#pair.main].channel.write(bytes);
  }

  /** Ends the session with this NOTIFICATION because of something only the speaker can see; it starts again later. */
  fail(notification: NotificationMessage, text: string): void {
    this.#step(this.#pair.main, { type: 'automaticStop', notification, text });
  }

  status(): PeerSessionStatus { return this.#record.status(this.config, mainOf(this.#pair)); }

  // ---- events

  #step(slot: Slot, event: Event): void {
    if (this.#isClosed) return;
    if (this.#isPerforming) { this.#waiting.push(() => { this.#step(slot, event); }); return; }
    const [pair, effects] = stepPair(this.#pair, slot, event);
    this.#perform(pair, effects);
    this.#takeTurns();
  }

  #inTurn(job: () => void): void {
    if (this.#isPerforming) { this.#waiting.push(job); return; }
    job();
    this.#takeTurns();
  }

  /** What callbacks caused: one event at a time, when the effects of the one before are performed. */
  #takeTurns(): void {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next();
  }

  #received(slot: Slot, frame: Frame): void {
    this.#record.messagesIn++;
    this.#step(slot, this.#eventOf(slot, frame));
  }

  /** The message boundary: a fault of the peer's becomes an event, and so does a fault of ours. */
  #eventOf(slot: Slot, frame: Frame): Event {
    const session = this.#pair.sessions[slot];
    try {
      const message = decodeMessage(frame.type, frame.body, session?.negotiated?.wire ?? BEFORE_NEGOTIATION, this.#ports.interner);
      return this.#eventOfMessage(message);
    } catch (error) {
      if (error instanceof WireError) return { type: 'wireError', notification: error.notification, text: error.message };
      this.#ports.log.error('session.decoder', { type: frame.type, error: messageOf(error) });
      return { type: 'automaticStop', notification: { type: 'notification', code: ERROR.cease, subcode: 0, data: new Uint8Array(0) }, text: 'internal error' };
    }
  }

  #eventOfMessage(message: Message): Event {
    switch (message.type) {
      case 'update':
        this.#atHand = message;
        if (message.faults.length > 0) this.#ports.log.warn('update.faults', { outcome: message.outcome, faults: message.faults });
        return UPDATE;
      case 'open': return { type: 'open', open: message };
      case 'keepalive': return { type: 'keepalive' };
      case 'notification': return { type: 'notification', notification: message };
      case 'route-refresh': return { type: 'routeRefresh', family: message.family };
    }
  }

  // ---- effects

  #perform(pair: Pair, groups: PairEffects): void {
    const before = mainOf(this.#pair).state;
    this.#pair = pair;
    this.#isPerforming = true;
    try {
      for (const [slot, effects] of groups) {
        const { run } = this.#lines[slot];
        for (const effect of effects) {
          if (!this.#isClosed) (run[effect.type] as (args: Effect) => void)(effect);      // a callback may close us
        }
      }
      if (mainOf(pair).state !== before && !this.#isClosed) this.#callbacks.changed();
    } finally {
      this.#isPerforming = false;
    }
  }

  #newLine(slot: Slot, dialOptions: DialOptions): Line {
    const { clock, transport } = this.#ports;
    const timers = new Timers<Timer>(clock, (timer) => { this.#step(slot, { type: 'expired', timer }); },
      (timer) => (timer === 'hold' ? HOLD_REPRIEVE_MS : 0));
    const channel = new Channel(clock, transport, {
      dialed: () => { this.#step(slot, { type: 'dialed' }); },
      failed: (text) => { this.#step(slot, { type: 'tcpFailed', text }); },
      frame: (frame) => { this.#received(slot, frame); },
      broken: (error) => { this.#step(slot, { type: 'wireError', notification: error.notification, text: error.message }); },
      drained: () => { if (slot === this.#pair.main && this.negotiated) this.#callbacks.drained(); },
    });
    return { channel, timers, run: this.#runFor(channel, timers, dialOptions) };
  }

  #runFor(channel: Channel, timers: Timers<Timer>, dialOptions: DialOptions): Run {
    const write = (message: Message): void => { this.#write(channel, encodeMessage(message, BEFORE_NEGOTIATION)); };
    return {
      dial: () => { channel.dial(dialOptions); },
      abandon: () => { channel.abandon(); },
      close: () => { channel.close(); },
      sendOpen: () => { write(localOpen(this.#settings, this.#options.restartState())); },
      sendKeepalive: () => { this.#write(channel, KEEPALIVE); },
      sendNotification: ({ notification }) => { write(notification); },
      arm: ({ timer, seconds }) => { timers.arm(timer, seconds * 1000 * (JITTERED.has(timer) ? 0.75 + 0.25 * this.#ports.random() : 1)); },
      disarm: ({ timer }) => { timers.disarm(timer); },
      up: ({ negotiated }) => { this.#up(negotiated, channel); },
      deliver: () => { this.#deliver(); },
      refresh: ({ family }) => { this.#callbacks.routeRefresh(family); },
      down: ({ reason }) => { this.#down(reason); },
      failed: ({ reason }) => { this.#failed(reason); },
    };
  }

  #write(channel: Channel, bytes: Uint8Array): void {
    this.#record.messagesOut++;
    channel.write(bytes);
  }

  #up(negotiated: Negotiated, channel: Channel): void {
    const connection = channel.connection;
    if (!connection) return;
    this.#record.up(this.#ports.clock.wallTime());
    this.#ports.log.info('session.up', {
      remote: showIp(connection.remote), families: negotiated.families, holdTimeSeconds: negotiated.holdTimeSeconds,
      gracefulRestart: negotiated.gracefulRestart !== undefined,
    });
    this.#callbacks.up(negotiated, { local: connection.local, remote: connection.remote });
  }

  #deliver(): void {
    const message = this.#atHand;
    this.#atHand = undefined;
    if (!message) return;
    this.#record.updatesIn++;
    this.#callbacks.update(message);
  }

  #down(reason: DownReason): void {
    this.#record.down(reason, this.#ports.clock.wallTime());
    this.#ports.log.info('session.down', { kind: reason.kind, reason: reason.text });
    this.#callbacks.down(reason);
  }

  /** Logged only when it is news: a peer that is not there fails the same way again and again. */
  #failed(reason: DownReason): void {
    const before = this.#record.info;
    this.#record.failed(reason);
    if (this.#record.info === before) return;
    this.#ports.log.info('session.failed', { kind: reason.kind, reason: reason.text });
    this.#callbacks.changed();
  }
}

/** TCP gives up no sooner than the ConnectRetry timer, which is what normally ends an attempt. */
function dialOptionsFor(config: PeerConfig): DialOptions {
  const address = parseIp(config.address);
  const sourceAddress = config.sourceAddress === undefined ? undefined : parseIp(config.sourceAddress);
  if (address === undefined || (config.sourceAddress !== undefined && sourceAddress === undefined)) {
    throw new RangeError(`peer ${config.name}: ${config.address} or ${config.sourceAddress ?? ''} is not an IP address`);
  }
  return { address, port: config.port, sourceAddress, timeoutMs: Math.max(10, config.connectRetrySeconds + 1) * 1000 };
}

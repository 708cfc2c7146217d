/** Runs the sessions of one peer: owns its connections and timers, and performs what the machines decide. */
import type { PeerConfig } from '../config/messages/speaker-config.ts';
import { messageOf } from '../lib/errors.ts';
import type { Family } from '../lib/ip/prefix.ts';
import { parseIp, showIp } from '../lib/ip/text.ts';
import { Channel } from './channel.ts';
import type { PeerCallbacks, PeerOptions, PeerPorts, StopOptions } from './peer-ports.ts';
import { PeerRecord, type PeerSessionDetail, type PeerSessionStatus } from './peer-record.ts';
import type { Connection, DialOptions } from './ports.ts';
import { ceaseFor, type StopReason } from './session/cease.ts';
import { mainOf, newPair, placeIncoming, SLOTS, stepPair, type Pair, type PairEffects, type Slot } from './session/collision.ts';
import { localOpen } from './session/local-open.ts';
import type { DownReason, Negotiated } from './session/negotiated.ts';
import type { Effect, Event, Run, Timer } from './session/session.ts';
import { settingsFor, type SessionSettings } from './session/settings.ts';
import { SparseWarning } from './sparse-warning.ts';
import { Timers } from './timers.ts';
import { decodeMessage, encodeMessage } from './wire/codec.ts';
import { ERROR, HEADER_LENGTH, MAX_MESSAGE_LENGTH } from './wire/constants.ts';
import { wireContext } from './wire/context.ts';
import { WireError } from './wire/errors.ts';
import { wholeMessage, type Frame } from './wire/framer.ts';
import type { Capabilities, Message, NotificationMessage, UpdateMessage } from './wire/message.ts';
import { describeNotification } from './wire/notification.ts';

export type { PeerCallbacks, PeerOptions, PeerPorts, StopOptions } from './peer-ports.ts';
export type { PeerSessionDetail, PeerSessionStatus } from './peer-record.ts';
export type { StopReason } from './session/cease.ts';

/** RFC 4271 §10: these are spread over 75 to 100 % of their length. The hold timer is not. */
const JITTERED: ReadonlySet<Timer> = new Set<Timer>(['connectRetry', 'keepalive', 'idleHold']);
/** After a stall of this process the KEEPALIVE may lie in the socket still: timers run before sockets are read. */
const HOLD_REPRIEVE_MS = 50;

const BEFORE_NEGOTIATION = wireContext();
/** Octets of data that every peer takes in a NOTIFICATION: what is wrong may be longer than that (RFC 8654). */
const LONGEST_DATA = MAX_MESSAGE_LENGTH - HEADER_LENGTH - 2;
const KEEPALIVE = encodeMessage({ type: 'keepalive' }, BEFORE_NEGOTIATION);
const UPDATE: Event = { type: 'update' };

/** What belongs to one of the two connections. */
interface Line {
  readonly channel: Channel;
  readonly timers: Timers<Timer>;
  readonly run: Run;
  /** What our last OPEN on it offered. */
  said: Capabilities;
  /** The last OPEN each way, whole, for those who monitor us. */
  opens: { sent?: Uint8Array; received?: Uint8Array };
}

export class Peer {
  readonly config: PeerConfig;
  readonly #ports: PeerPorts;
  readonly #options: PeerOptions;
  readonly #callbacks: PeerCallbacks;
  readonly #settings: SessionSettings;
  readonly #record: PeerRecord;
  readonly #faults: SparseWarning;
  readonly #lines: readonly [Line, Line];
  #pair: Pair;
  /** The UPDATE that a `deliver` effect is about. */
  #atHand: UpdateMessage | undefined;
  /** What happens while effects are being performed waits its turn. */
  readonly #waiting: (() => void)[] = [];
  #isPerforming = false;
  #isClosed = false;
  /** The operator's message while the session is held down. */
  #heldDown: string | undefined;

  /** Throws RangeError when an address or the router ID is no address: `speaker.ts` has checked the configuration before. */
  constructor(ports: PeerPorts, options: PeerOptions, callbacks: PeerCallbacks) {
    this.config = options.config;
    this.#ports = { ...ports, log: ports.log.child({ peer: options.config.name }) };
    this.#faults = new SparseWarning(this.#ports, 'update.faults');
    this.#options = options;
    this.#callbacks = callbacks;
    this.#settings = settingsFor(options.global, options.config);
    this.#pair = newPair(this.#settings);
    this.#record = options.record ?? new PeerRecord(ports.clock);
    this.#heldDown = options.config.shutdown?.message;
    const dialOptions = dialOptionsFor(options.config);
    this.#lines = [this.#newLine(0, dialOptions), this.#newLine(1, dialOptions)];
  }

  /** Present while Established. */
  get negotiated(): Negotiated | undefined {
    const main = mainOf(this.#pair);
    return main.state === 'Established' ? main.negotiated : undefined;
  }

  /** Begins to dial (or to wait, when passive). Harmless when started; nothing happens while the peer is held down. */
  start(): void {
    if (this.#heldDown === undefined) this.#step(this.#pair.main, { type: 'manualStart' });
    else this.#record.heldDown(this.#heldDown);
  }

  /**
   * Ends all sessions with a Cease: as Hard Reset where it must end the routes too and N was negotiated (RFC 8538).
   * Calls `down` if one was Established. Without `restartSeconds`, `start` begins anew.
   */
  stop(reason: StopReason, { message, restartSeconds }: StopOptions = {}): void {
    const notification = ceaseFor(reason, message);
    this.hold(notification, describeNotification(notification), restartSeconds);
  }

  /** As `stop`, with a Cease of the caller's own making; `text` says why, for people. */
  hold(notification: NotificationMessage, text: string, restartSeconds?: number): void {
    const stop: Event = restartSeconds === undefined
      ? { type: 'manualStop', notification, text } : { type: 'automaticStop', notification, text, restartSeconds };
    for (const slot of SLOTS) this.#step(slot, stop);
  }

  /** An operator holds the session down, with a message for the other side, or lets it go again (undefined). */
  holdDown(message: string | undefined): void {
    if (message === this.#heldDown) return;
    this.#heldDown = message;
    if (message === undefined) { this.start(); return; }
    this.stop('shutdown', { message });
    this.#record.heldDown(message);
    this.#callbacks.changed();
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
    this.#record.sentUpdates(updates, bytes.length);
    return this.#lines[this.#pair.main].channel.write(bytes);
  }

  /** Asks for all routes of the family again (RFC 2918). False: the peer is not up, or does not understand. */
  requestRefresh(family: Family): boolean {
    const { negotiated } = this;
    if (negotiated?.routeRefresh !== true || !negotiated.families.includes(family)) return false;
    this.#writeRefresh(family, 'request');
    return true;
  }

  /** Says where a resend of the family begins or ends (RFC 7313 §4.1); nothing where that was not negotiated. */
  markRefresh(family: Family, subtype: 'begin' | 'end'): void {
    if (this.negotiated?.enhancedRouteRefresh === true) this.#writeRefresh(family, subtype);
  }

  /** Ends the session with this NOTIFICATION because of something only the speaker can see; it starts again later. */
  fail(notification: NotificationMessage, text: string): void {
    this.#step(this.#pair.main, { type: 'automaticStop', notification, text });
  }

  /** Both OPENs of the session, headers included; undefined: not Established. */
  opens(): { readonly sent: Uint8Array; readonly received: Uint8Array } | undefined {
    const { sent, received } = this.#lines[this.#pair.main].opens;
    return this.negotiated === undefined || sent === undefined || received === undefined ? undefined : { sent, received };
  }

  status(): PeerSessionStatus { return this.#record.status(this.config, mainOf(this.#pair)); }

  /** All that the session knows about itself; the RIB and the speaker add the rest of `PeerDetail`. */
  detail(): PeerSessionDetail {
    const { channel, timers } = this.#lines[this.#pair.main];
    return this.#record.detail(this.config, mainOf(this.#pair), { local: channel.connection?.local, timers: timers.left() });
  }

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
    this.#record.received(frame.type, HEADER_LENGTH + frame.body.length);
    const event = this.#eventOf(slot, frame);
    this.#step(slot, event);
    if (event.type === 'open') this.#lines[slot].opens.received = wholeMessage(frame);
    if (event.type === 'open') this.#lines[slot].channel.maximumBytes = this.#pair.sessions[slot]?.negotiated?.wire.maximumBytes;
  }

  /** The message boundary: a fault of the peer's becomes an event, and so does a fault of ours. */
  #eventOf(slot: Slot, frame: Frame): Event {
    const session = this.#pair.sessions[slot];
    try {
      const message = decodeMessage(frame.type, frame.body, session?.negotiated?.wire ?? BEFORE_NEGOTIATION, this.#ports.interner);
      return this.#eventOfMessage(slot, message);
    } catch (error) {
      if (error instanceof WireError) return { type: 'wireError', notification: error.notification, text: error.message };
      this.#ports.log.error('session.decoder', { type: frame.type, error: messageOf(error) });
      return { type: 'automaticStop', notification: { type: 'notification', code: ERROR.cease, subcode: 0, data: new Uint8Array(0) }, text: 'internal error' };
    }
  }

  #eventOfMessage(slot: Slot, message: Message): Event {
    switch (message.type) {
      case 'update':
        this.#atHand = message;
        if (message.faults.length > 0) this.#faults.warn({ outcome: message.outcome, faults: message.faults });
        return UPDATE;
      case 'open': return { type: 'open', open: message, ours: this.#lines[slot].said };
      case 'keepalive': return { type: 'keepalive' };
      case 'notification': return { type: 'notification', notification: message };
      case 'route-refresh': return { type: 'routeRefresh', family: message.family, subtype: message.subtype };
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
    const said = localOpen(this.#settings, { restarted: false, forwardingPreserved: [] }).capabilities;
    return { channel, timers, said, opens: {}, run: this.#runFor(slot, channel, timers, dialOptions) };
  }

  #runFor(slot: Slot, channel: Channel, timers: Timers<Timer>, dialOptions: DialOptions): Run {
    const lengthOf = (ms: number): number => ms * (0.75 + 0.25 * this.#ports.random());
    return {
      dial: () => { channel.dial(dialOptions); },
      abandon: () => { channel.abandon(); },
      close: () => { channel.close(); },
      sendOpen: ({ withheld }) => { this.#sendOpen(slot, withheld); },
      sendKeepalive: () => { this.#write(channel, 'keepalive', KEEPALIVE); },
      sendNotification: ({ notification: n }) => { this.#writeMessage(channel, { ...n, data: n.data.subarray(0, LONGEST_DATA) }); },
      arm: ({ timer, seconds, exact }) => { timers.arm(timer, JITTERED.has(timer) && exact !== true ? lengthOf(seconds * 1000) : seconds * 1000); },
      disarm: ({ timer }) => { timers.disarm(timer); },
      up: ({ negotiated }) => { this.#up(negotiated, channel); },
      deliver: () => { this.#deliver(); },
      refresh: ({ family, subtype }) => { this.#callbacks.routeRefresh(family, subtype); },
      down: ({ reason }) => { this.#down(reason); },
      failed: ({ reason }) => { this.#failed(reason); },
    };
  }

  #sendOpen(slot: Slot, withheld: readonly number[]): void {
    const open = localOpen(this.#settings, this.#options.restartState(), withheld);
    const line = this.#lines[slot];
    line.said = open.capabilities;
    line.opens = { sent: encodeMessage(open, BEFORE_NEGOTIATION) };
    if (withheld.length > 0) this.#ports.log.warn('session.withheld', { capabilities: withheld });
    this.#writeMessage(line.channel, open);
  }

  #writeRefresh(family: Family, subtype: 'request' | 'begin' | 'end'): void {
    this.#writeMessage(this.#lines[this.#pair.main].channel, { type: 'route-refresh', family, subtype });
  }

  #writeMessage(channel: Channel, message: Message): void {
    this.#write(channel, message.type, encodeMessage(message, BEFORE_NEGOTIATION));
  }

  #write(channel: Channel, type: Message['type'], bytes: Uint8Array): void {
    this.#record.sent(type, bytes.length);
    channel.write(bytes);
  }

  #up(negotiated: Negotiated, channel: Channel): void {
    const connection = channel.connection;
    if (!connection) return;
    this.#record.up();
    this.#ports.log.info('session.up', {
      remote: showIp(connection.remote), families: negotiated.families, holdTimeSeconds: negotiated.holdTimeSeconds,
      gracefulRestart: negotiated.gracefulRestart !== undefined,
      ...(typeof this.config.asn !== 'number' && { asn: negotiated.peerAsn }),
    });
    const { local, remote, link } = connection;
    this.#callbacks.up(negotiated, { local, remote, ...(link && { interfaceIndex: link.index }) });
  }

  #deliver(): void {
    const message = this.#atHand;
    this.#atHand = undefined;
    if (!message) return;
    this.#record.updatesIn++;
    this.#callbacks.update(message);
  }

  #down(reason: DownReason): void {
    this.#record.down(reason);
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
  return { address, port: config.port, sourceAddress, interface: config.interface, timeoutMs: Math.max(10, config.connectRetrySeconds + 1) * 1000 };
}

/** Runs one session: keeps its time, sends its packets, counts. */
import type { BfdSession, BfdSessionStatus } from '../config/messages/bfd-control.ts';
import type { Clock, TimerHandle } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { PacketPort, PacketSender } from './ports.ts';
import { detectionUs, jittered, packetOf, step, transmitIntervalUs, type Event, type Session, type Timing } from './session/session.ts';
import { diagnosticText } from './wire/constants.ts';
import { writeControlPacket, type ControlPacket } from './wire/control-packet.ts';

export interface RunnerPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly packets: PacketPort;
  /** Its state is another one. */
  readonly changed: () => void;
}

/** Packets that say AdminDown when a session ends, so that the loss of one does no harm. */
const FAREWELLS = 3;
/** Between them, milliseconds. */
const FAREWELL_MS = 50;

export const timingOf = ({ transmitMs, receiveMs, multiplier }: BfdSession): Timing =>
  ({ transmitUs: transmitMs * 1000, receiveUs: receiveMs * 1000, multiplier });

export class Runner {
  wanted: BfdSession;
  #session: Session;
  readonly #ports: RunnerPorts;
  #sender: PacketSender | undefined;
  /** What is wrong with sending; empty: nothing. */
  #trouble = '';
  #heardAtMs: number;
  #sinceMs: number;
  #next: { readonly atMs: number; readonly intervalMs: number; readonly timer: TimerHandle } | undefined;
  #detection: { readonly atMs: number; readonly timer: TimerHandle } | undefined;
  #counts = { packetsIn: 0, packetsOut: 0, losses: 0, failures: 0 };

  constructor(ports: RunnerPorts, wanted: BfdSession, session: Session) {
    this.#ports = ports;
    this.wanted = wanted;
    this.#session = session;
    this.#heardAtMs = ports.clock.now();
    this.#sinceMs = ports.clock.wallTime();
    this.#send(false);
    this.#keepTime();
  }

  get session(): Session { return this.#session; }

  get status(): BfdSessionStatus {
    const { state, diagnostic, remote } = this.#session;
    return {
      ...this.wanted, state, remoteState: remote.state, diagnostic: diagnosticText(diagnostic), remoteDiagnostic: diagnosticText(remote.diagnostic),
      remoteControlPlaneIndependent: remote.controlPlaneIndependent, sinceMs: this.#sinceMs,
      intervalMs: transmitIntervalUs(this.#session) / 1000, detectionMs: detectionUs(this.#session) / 1000,
      ...this.#counts, discriminator: this.#session.discriminator, ...this.#trouble !== '' && { trouble: this.#trouble },
    };
  }

  retime(wanted: BfdSession): void {
    this.wanted = wanted;
    this.#step({ type: 'retimed', timing: timingOf(wanted) });
  }

  receive(packet: ControlPacket): void {
    this.#counts.packetsIn++;
    this.#heardAtMs = this.#ports.clock.now();
    this.#step({ type: 'received', packet });
  }

  /** Tells the peer that this is no failure; resolves when that is said and its socket closed. */
  async end(): Promise<void> {
    this.#step({ type: 'stop' });
    this.#next?.timer[Symbol.dispose]();
    this.#detection?.timer[Symbol.dispose]();
    const { promise, resolve } = Promise.withResolvers<void>();
    const again = (left: number): void => {
      if (left === 0) { resolve(); return; }
      this.#ports.clock.after(FAREWELL_MS, () => { this.#send(false); again(left - 1); });
    };
    again(FAREWELLS - 1);
    await promise;
    this.#close();
  }

  #step(event: Event): void {
    const [next, effects] = step(this.#session, event);
    this.#session = next;
    for (const effect of effects) {
      if (effect.type === 'send') { this.#send(effect.final); continue; }
      if (effect.from === 'Up') this.#counts.losses++;
      if (effect.failed) this.#counts.failures++;
      this.#sinceMs = this.#ports.clock.wallTime();
      const { peer, interface: link } = this.wanted;
      this.#ports.log.info('bfd.state', {
        peer, ...link !== undefined && { interface: link }, from: effect.from, to: next.state, diagnostic: diagnosticText(next.diagnostic), remote: next.remote.state,
      });
      this.#ports.changed();
    }
    this.#keepTime();
  }

  #keepTime(): void {
    if (this.#session.state === 'AdminDown') return;
    this.#pace();
    this.#watch();
  }

  /** Periodic packets. A shorter interval counts at once, a longer one after the packet that is due. */
  #pace(): void {
    const intervalMs = transmitIntervalUs(this.#session) / 1000;
    if (intervalMs === this.#next?.intervalMs) return;
    const dueMs = this.#next?.atMs ?? Infinity;
    this.#next?.timer[Symbol.dispose]();
    this.#next = undefined;
    if (intervalMs === 0) return;
    const { clock, random } = this.#ports;
    this.#arm(Math.min(dueMs, clock.now() + jittered(intervalMs, this.#session.timing.multiplier, random())), intervalMs);
  }

  #arm(atMs: number, intervalMs: number): void {
    const { clock } = this.#ports;
    const timer = clock.after(Math.max(0, atMs - clock.now()), () => { this.#due(intervalMs); });
    this.#next = { atMs, intervalMs, timer };
  }

  #due(intervalMs: number): void {
    const { clock, random } = this.#ports;
    this.#arm(clock.now() + jittered(intervalMs, this.#session.timing.multiplier, random()), intervalMs);
    this.#send(false);
  }

  /** A timer for the detection time that is left; packets that come meanwhile do not touch it, it looks again when it ends. */
  #watch(): void {
    const { clock } = this.#ports;
    const detectionMs = detectionUs(this.#session) / 1000;
    const atMs = detectionMs === 0 ? Infinity : this.#heardAtMs + detectionMs;
    if (this.#detection !== undefined && this.#detection.atMs <= atMs && atMs !== Infinity) return;
    this.#detection?.timer[Symbol.dispose]();
    this.#detection = atMs === Infinity ? undefined
      : { atMs, timer: clock.after(Math.max(0, atMs - clock.now()), () => { this.#looked(); }) };
  }

  /** What has arrived but was not read yet counts: this process may have stood still, the peer has not. */
  #looked(): void {
    this.#detection = undefined;
    this.#ports.packets.drain();
    const detectionMs = detectionUs(this.#session) / 1000;
    if (detectionMs > 0 && this.#ports.clock.now() - this.#heardAtMs >= detectionMs) this.#step({ type: 'detectionExpired' });
    else this.#watch();
  }

  #send(final: boolean): void {
    let trouble: string;
    try {
      this.#sender ??= this.#ports.packets.open(this.wanted);
      trouble = this.#sender.send(writeControlPacket(packetOf(this.#session, final)));
    } catch (error) {
      trouble = messageOf(error);
    }
    if (trouble === '') this.#counts.packetsOut++;
    else this.#close(); // the interface may be another one next time
    if (trouble !== this.#trouble) this.#ports.log[trouble === '' ? 'info' : 'warn']('bfd.send', { peer: this.wanted.peer, trouble });
    this.#trouble = trouble;
  }

  #close(): void {
    this.#sender?.[Symbol.dispose]();
    this.#sender = undefined;
  }
}

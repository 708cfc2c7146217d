/** What one peer's sessions have been through: counters, times and errors, for people to look at. */
import type { PeerConfig } from '../config/messages/speaker-config.ts';
import type { PeerStatus } from '../config/messages/bgpd-control.ts';
import type { Session } from './session/session.ts';
import type { DownReason } from './session/negotiated.ts';

/** The fields of `PeerStatus` that the session knows; the RIB adds the others. */
export type PeerSessionStatus = Omit<PeerStatus, 'received' | 'stale' | 'advertised' | 'endOfRib'>;

export class PeerRecord {
  messagesIn = 0;
  messagesOut = 0;
  updatesIn = 0;
  updatesOut = 0;
  established = 0;
  /** Wall-clock milliseconds of the last change to or from Established. */
  sinceMs: number;
  /** Survives a good session. */
  lastError: string | null = null;
  /** Why it is not Established. */
  info = '';
  /** The last NOTIFICATION since it was Established: dials that are refused afterwards do not tell why. */
  #notification = '';

  constructor(nowMs: number) { this.sinceMs = nowMs; }

  up(nowMs: number): void {
    this.established++;
    this.sinceMs = nowMs;
    this.info = '';
    this.#notification = '';
  }

  down(reason: DownReason, nowMs: number): void {
    this.sinceMs = nowMs;
    this.failed(reason);
  }

  failed(reason: DownReason): void {
    this.lastError = describeEnd(reason);
    const by = SPEAKERS[reason.kind];
    if (by !== undefined || reason.kind === 'administrative') this.#notification = by === undefined ? '' : `${reason.text}, by ${by}`;
    this.info = reason.kind === 'closed' && this.#notification !== '' ? `${this.lastError} (last: ${this.#notification})` : this.lastError;
  }

  status(config: PeerConfig, session: Session): PeerSessionStatus {
    const { negotiated, state } = session;
    const agreed = state === 'Established' ? negotiated : undefined;
    return {
      name: config.name,
      origin: config.origin,
      address: config.address,
      asn: config.asn,
      state,
      sinceMs: this.sinceMs,
      info: agreed ? '' : this.info,
      families: agreed?.families ?? [],
      holdTimeSeconds: agreed?.holdTimeSeconds ?? 0,
      keepaliveSeconds: agreed?.keepaliveSeconds ?? 0,
      gracefulRestart: agreed?.gracefulRestart !== undefined,
      counters: {
        messagesIn: this.messagesIn, messagesOut: this.messagesOut,
        updatesIn: this.updatesIn, updatesOut: this.updatesOut,
        established: this.established,
      },
      lastError: this.lastError,
    };
  }
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

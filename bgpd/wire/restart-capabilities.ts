/** What a peer says about restarts: graceful (RFC 4724 §3, RFC 8538 §2) and long-lived (RFC 9494 §3.1). */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import {
  AFI, ERROR, FORWARDING_STATE_BIT, OPEN_ERROR, RESTART_NOTIFICATION_BIT, RESTART_STATE_BIT, RESTART_TIME_MASK, SAFI_UNICAST,
} from './constants.ts';
import { WireError } from './errors.ts';
import type { GracefulRestartCapability, LongLivedFamily } from './message.ts';
import { familyFromWire, u16At } from './octets.ts';

type GracefulRestartFamily = GracefulRestartCapability['families'][number];

/** AFI, SAFI, flags and 24 bits of seconds. */
const LONG_LIVED_TUPLE = 7;
const MAX_STALE_SECONDS = 0xffffff;

/** @throws {WireError} OPEN error, subcode 0, on an impossible length. */
export function readGracefulRestart(value: Uint8Array): GracefulRestartCapability {
  if (value.length % 4 !== 2) {
    throw new WireError(`graceful restart capability has length ${value.length}: expected 2 + 4 × n`, ERROR.open, OPEN_ERROR.unspecific);
  }
  const flags = u16At(value, 0);
  const families: GracefulRestartFamily[] = [];
  for (let at = 2; at < value.length; at += 4) {
    const family = familyFromWire(u16At(value, at), value[at + 2]!);
    const forwardingPreserved = (value[at + 3]! & FORWARDING_STATE_BIT) !== 0;
    if (family !== undefined && !families.some((f) => f.family === family)) families.push({ family, forwardingPreserved });
  }
  return {
    restarted: (flags & RESTART_STATE_BIT) !== 0, notification: (flags & RESTART_NOTIFICATION_BIT) !== 0,
    restartTimeSeconds: flags & RESTART_TIME_MASK, families,
  };
}

export function writeGracefulRestart(w: ByteWriter, restart: GracefulRestartCapability): void {
  w.u16((restart.restarted ? RESTART_STATE_BIT : 0) | (restart.notification ? RESTART_NOTIFICATION_BIT : 0)
    | Math.min(Math.max(restart.restartTimeSeconds, 0), RESTART_TIME_MASK));
  for (const { family, forwardingPreserved } of restart.families) {
    w.u16(AFI[family]);
    w.u8(SAFI_UNICAST);
    w.u8(forwardingPreserved ? FORWARDING_STATE_BIT : 0);
  }
}

/** Undefined: a length that it cannot have. The first word on a family counts. */
export function readLongLived(value: Uint8Array): { readonly longLived: readonly LongLivedFamily[] } | undefined {
  if (value.length % LONG_LIVED_TUPLE !== 0) return undefined;
  const longLived: LongLivedFamily[] = [];
  for (let at = 0; at < value.length; at += LONG_LIVED_TUPLE) {
    const family = familyFromWire(u16At(value, at), value[at + 2]!);
    if (family === undefined || longLived.some((f) => f.family === family)) continue;
    const forwardingPreserved = (value[at + 3]! & FORWARDING_STATE_BIT) !== 0;
    longLived.push({ family, forwardingPreserved, staleSeconds: (value[at + 4]! << 16) | u16At(value, at + 5) });
  }
  return { longLived };
}

export function writeLongLived(w: ByteWriter, longLived: readonly LongLivedFamily[]): void {
  for (const { family, forwardingPreserved, staleSeconds } of longLived) {
    const seconds = Math.min(Math.max(staleSeconds, 0), MAX_STALE_SECONDS);
    w.u16(AFI[family]);
    w.u8(SAFI_UNICAST);
    w.u8(forwardingPreserved ? FORWARDING_STATE_BIT : 0);
    w.u8(seconds >>> 16);
    w.u16(seconds & 0xffff);
  }
}

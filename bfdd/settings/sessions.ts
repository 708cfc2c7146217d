/** Sessions that somebody asks for over the control socket: checked, with the fields that are none of ours left out. */
import type { BfdSession } from '../../config/messages/bfd-control.ts';
import { OperationError } from '../../lib/errors.ts';
import { parseIp, showIp } from '../../lib/ip/text.ts';

/** Milliseconds. */
const INTERVAL = [10, 60_000] as const;
/** Each has a socket of its own. */
export const MAXIMUM_SESSIONS = 4096;

/** Throws OperationError BFD_SESSION naming the field, its value and what was expected. */
export function checkedSessions(value: unknown): BfdSession[] {
  if (!Array.isArray(value) || value.length > MAXIMUM_SESSIONS) throw new OperationError('BFD_SESSION', { sessions: value, expected: `a list of at most ${MAXIMUM_SESSIONS} sessions` });
  return value.map((one: unknown, i) => checkedSession(one, `sessions[${i}]`));
}

function checkedSession(value: unknown, path: string): BfdSession {
  if (typeof value !== 'object' || value === null) throw wrong(path, value, 'an object');
  const s = value as Readonly<Record<keyof BfdSession, unknown>>;
  const whole = (field: keyof BfdSession, [minimum, maximum]: readonly [number, number]): number => {
    const n = s[field];
    if (typeof n !== 'number' || !Number.isInteger(n) || n < minimum || n > maximum) throw wrong(`${path}.${field}`, n, `an integer in ${minimum}..${maximum}`);
    return n;
  };
  if (typeof s.multihop !== 'boolean') throw wrong(`${path}.multihop`, s.multihop, 'true or false');
  const [peer, local] = [address(s.peer, `${path}.peer`), s.local === undefined ? undefined : address(s.local, `${path}.local`)];
  const link = s.interface === undefined ? undefined : interfaceName(s.interface, `${path}.interface`);
  if (local !== undefined && local.includes(':') !== peer.includes(':')) throw wrong(`${path}.local`, local, 'an address of the family of the peer');
  if (link === undefined && /^fe[89ab]/.test(peer)) throw wrong(`${path}.interface`, link, 'an interface, because the peer is link-local');
  if (link !== undefined && s.multihop) throw wrong(`${path}.interface`, link, 'none, because the session is multihop');
  return {
    peer, multihop: s.multihop,
    ...local !== undefined && { local }, ...link !== undefined && { interface: link },
    ...s.minimumTtl !== undefined && { minimumTtl: whole('minimumTtl', [1, 255]) },
    transmitMs: whole('transmitMs', INTERVAL), receiveMs: whole('receiveMs', INTERVAL), multiplier: whole('multiplier', [1, 255]),
  };
}

const wrong = (path: string, value: unknown, expected: string): OperationError => new OperationError('BFD_SESSION', { path, value, expected });

function address(value: unknown, path: string): string {
  const parsed = typeof value === 'string' ? parseIp(value) : undefined;
  if (parsed === undefined) throw wrong(path, value, 'an IP address');
  return showIp(parsed);
}

function interfaceName(value: unknown, path: string): string {
  if (typeof value !== 'string' || !/^[^\s/]{1,15}$/.test(value)) throw wrong(path, value, 'the name of an interface');
  return value;
}

/** What several askers want of one session: the quickest of it. */
export const quickest = (a: BfdSession, b: BfdSession): BfdSession => ({
  ...a, transmitMs: Math.min(a.transmitMs, b.transmitMs), receiveMs: Math.min(a.receiveMs, b.receiveMs), multiplier: Math.min(a.multiplier, b.multiplier),
});

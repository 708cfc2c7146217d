/**
 * What RFC 7606 makes of an UPDATE, found without the code that is under test: `reset` where prefixes cannot be told apart
 * from the rest (§3 b, g, j, §4, §5.3, §7.11), or a well-known attribute is unknown (RFC 4271 §6.3). `withdraw-or-reset`:
 * nothing is announced, so that a fault has nothing to withdraw (§5.2). `go-on`: whatever else is wrong, the session stays.
 */
import { ATTRIBUTE } from '../../bgpd/wire/constants.ts';

export type Expectation = 'reset' | 'withdraw-or-reset' | 'go-on';

/** What was agreed on in the session. */
export interface Agreed { readonly addPath4: boolean; readonly addPath6: boolean; readonly extendedNextHop: boolean }

const KNOWN = new Set<number>(Object.values(ATTRIBUTE));
const [OPTIONAL, TRANSITIVE, EXTENDED] = [0x80, 0x40, 0x10];

export function expectationOf(body: Uint8Array, agreed: Agreed): Expectation {
  const u16 = (at: number): number => body[at]! * 256 + body[at + 1]!;
  const withdrawnEnd = 2 + u16(0);
  if (withdrawnEnd + 2 > body.length) return 'reset';
  const start = withdrawnEnd + 2;
  const end = start + u16(withdrawnEnd);
  if (end > body.length) return 'reset';
  if (!arePrefixes(body, 2, withdrawnEnd, 32, agreed.addPath4) || !arePrefixes(body, end, body.length, 32, agreed.addPath4)) return 'reset';
  let isAnnouncing = end < body.length;
  const seen = new Set<number>();
  for (let at = start; at < end;) {
    const flags = body[at]!;
    const head = (flags & EXTENDED) === 0 ? 3 : 4;
    const code = at + 1 < end ? body[at + 1]! : -1;
    const next = at + head > end ? Infinity : at + head + (head === 3 ? body[at + 2]! : u16(at + 2));
    const isMp = code === ATTRIBUTE.mpReach || code === ATTRIBUTE.mpUnreach;
    if (next > end) {
      if (isMp) return 'reset';
      break;
    }
    if (isMp) {
      const value = body.subarray(at + head, next);
      if (seen.has(code) || (flags & (OPTIONAL | TRANSITIVE)) !== OPTIONAL) return 'reset';
      const found = code === ATTRIBUTE.mpReach ? reach(value, agreed) : unreach(value, agreed);
      if (found === 'malformed') return 'reset';
      isAnnouncing ||= found === 'announces';
    } else if (!KNOWN.has(code) && (flags & OPTIONAL) === 0 && !seen.has(code)) return 'reset';
    seen.add(code);
    at = next;
  }
  return isAnnouncing ? 'go-on' : 'withdraw-or-reset';
}

function arePrefixes(bytes: Uint8Array, start: number, end: number, longest: number, hasIds: boolean): boolean {
  let at = start;
  while (at < end) {
    if (hasIds) at += 4;
    if (at >= end || bytes[at]! > longest) return false;
    at += 1 + Math.ceil(bytes[at]! / 8);
  }
  return at === end;
}

/** 1: IPv4, 2: IPv6, both unicast; 0: neither. */
const familyOf = (value: Uint8Array): 0 | 1 | 2 => (value[0] === 0 && value[2] === 1 && (value[1] === 1 || value[1] === 2) ? value[1] : 0);

function reach(value: Uint8Array, agreed: Agreed): 'malformed' | 'announces' | 'nothing' {
  if (value.length < 5 || 5 + value[3]! > value.length) return 'malformed';
  const family = familyOf(value);
  if (family === 0) return 'nothing';
  const lengths = family === 2 ? [16, 32] : agreed.extendedNextHop ? [4, 16, 32] : [4];
  const at = 5 + value[3]!;
  const isFine = lengths.includes(value[3]!) && arePrefixes(value, at, value.length, family === 1 ? 32 : 128, family === 1 ? agreed.addPath4 : agreed.addPath6);
  return !isFine ? 'malformed' : at < value.length ? 'announces' : 'nothing';
}

function unreach(value: Uint8Array, agreed: Agreed): 'malformed' | 'nothing' {
  if (value.length < 3) return 'malformed';
  const family = familyOf(value);
  if (family === 0) return 'nothing';
  return arePrefixes(value, 3, value.length, family === 1 ? 32 : 128, family === 1 ? agreed.addPath4 : agreed.addPath6) ? 'nothing' : 'malformed';
}

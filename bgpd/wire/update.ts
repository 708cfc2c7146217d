/** UPDATE (RFC 4271 §4.3): what it withdraws and announces, and what RFC 7606 makes of its faults. */
import type { ByteWriter } from '../../lib/bytes/writer.ts';
import type { Family, Ipv4, Prefix, Prefix4, Prefix6 } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { writeAttribute, writeAttributeBlock, type AttributeBlock } from './attribute-block.ts';
import { fault, malformedList, showFault, updateError, type AttributeFault } from './attribute-fault.ts';
import { walkAttributes, type Located, type Walk } from './attribute-walk.ts';
import { ATTRIBUTE, ATTRIBUTE_FLAG, UPDATE_ERROR } from './constants.ts';
import { copyOf } from './copy.ts';
import type { AttributeInterner } from './interner.ts';
import type { NextHop, UpdateMessage, WireContext } from './message.ts';
import { isUsableNextHop, mpReachHead, mpUnreachHead, pathsAt, readMpReach, readMpUnreach, type MpReach, type MpUnreach } from './mp-nlri.ts';
import { u16At, u32At } from './octets.ts';
import { appendNlri } from './path-nlri.ts';

const { optional: OPTIONAL, transitive: TRANSITIVE } = ATTRIBUTE_FLAG;
const NOTHING4: readonly Prefix4[] = Object.freeze([]);
const NOTHING6: readonly Prefix6[] = Object.freeze([]);
const NO_FAULTS: readonly string[] = Object.freeze([]);

const EMPTY: UpdateMessage = Object.freeze({
  type: 'update', attributes: undefined, withdrawn4: NOTHING4, announced4: NOTHING4, withdrawn6: NOTHING6, announced6: NOTHING6,
  nextHop4: undefined, nextHop6: undefined, endOfRib: undefined, outcome: 'ok', faults: NO_FAULTS,
});

/**
 * @param body at least 4 bytes; nothing in the result points into it.
 * @throws {WireError} UPDATE error where RFC 7606 keeps the session reset: lengths that contradict each other (1), MP attributes
 * that appear twice (1), an unknown well-known attribute (2), prefixes that cannot be located (9, 10), and any other fault
 * when nothing is announced (§5.2; its own subcode).
 */
export function readUpdate(body: Uint8Array, context: WireContext, interner: AttributeInterner): UpdateMessage {
  const withdrawnEnd = 2 + u16At(body, 0);
  if (withdrawnEnd + 2 > body.length) throw malformedList(`withdrawn routes of ${withdrawnEnd - 2} bytes overrun the message`);
  const attributesStart = withdrawnEnd + 2;
  const attributesEnd = attributesStart + u16At(body, withdrawnEnd);
  if (attributesEnd > body.length) throw malformedList(`attributes of ${attributesEnd - attributesStart} bytes overrun the message`);
  if (body.length === 4) return { ...EMPTY, endOfRib: 'ipv4' };
  const withdrawn = readClassicNlri(body, 2, withdrawnEnd, 'withdrawn routes', context);
  const announced = readClassicNlri(body, attributesEnd, body.length, 'NLRI', context);
  if (attributesEnd === attributesStart && announced.prefixes.length === 0) {
    return { ...EMPTY, withdrawn4: withdrawn.prefixes, ...(withdrawn.ids && { withdrawnIds4: withdrawn.ids }) };
  }
  const walk = walkAttributes(body, attributesStart, attributesEnd, interner.scratch);
  return assemble(body, walk, withdrawn, announced, context, interner);
}

/** Prefixes of the classic fields. */
interface Classic { readonly prefixes: readonly Prefix4[]; readonly ids?: readonly number[] }
const NOTHING: Classic = Object.freeze({ prefixes: NOTHING4 });

/** NLRI that cannot be located make every gentler approach impossible (RFC 7606 §3 j, §5.3). */
function readClassicNlri(body: Uint8Array, start: number, end: number, what: string, context: WireContext): Classic {
  if (start === end) return NOTHING;
  const paths = pathsAt('ipv4', body, start, end, context);
  if (paths === undefined) throw updateError(`${what}: malformed prefix`, UPDATE_ERROR.invalidNetworkField);
  return paths as Classic;
}

function assemble(
  body: Uint8Array, walk: Walk, withdrawn: Classic, classic: Classic,
  context: WireContext, interner: AttributeInterner,
): UpdateMessage {
  const reach = locatedMp(body, walk, walk.mpReach, 'MP_REACH_NLRI', readMpReach, context);
  const unreach = locatedMp(body, walk, walk.mpUnreach, 'MP_UNREACH_NLRI', readMpUnreach, context);
  if (unreach !== undefined && isEndOfRib(walk, unreach, body.length)) return { ...EMPTY, endOfRib: unreach.family };
  const block = walk.sharedLength === 0 ? undefined : interner.intern(walk.shared, 0, walk.sharedLength, context);
  const hasClassic = classic.prefixes.length > 0;
  const nextHop = hasClassic || walk.mpReach.end === 0 ? classicNextHop(body, walk, hasClassic) : undefined;
  const isAnnouncing = hasClassic || (reach !== undefined && reach.prefixes.length > 0);
  addFaults(walk, block, isAnnouncing, nextHop, reach);
  const message: UpdateMessage = {
    type: 'update',
    attributes: block?.attributes,
    withdrawn4: unreach?.family === 'ipv4' ? joined(withdrawn.prefixes, unreach.prefixes as readonly Prefix4[]) : withdrawn.prefixes,
    announced4: reach?.family === 'ipv4' ? joined(classic.prefixes, reach.prefixes as readonly Prefix4[]) : classic.prefixes,
    withdrawn6: unreach?.family === 'ipv6' ? unreach.prefixes as readonly Prefix6[] : NOTHING6,
    announced6: reach?.family === 'ipv6' ? reach.prefixes as readonly Prefix6[] : NOTHING6,
    nextHop4: nextHop ?? (reach?.family === 'ipv4' ? reach.nextHop : undefined),
    nextHop6: reach?.family === 'ipv6' ? reach.nextHop : undefined,
    endOfRib: undefined,
    outcome: walk.faults.some(isWithdraw) ? 'withdraw' : 'ok',
    faults: walk.faults.length === 0 ? NO_FAULTS : walk.faults.map(showFault),
  };
  return context.addPathIn.ipv4 || context.addPathIn.ipv6 ? withIds(message, withdrawn, classic, unreach, reach, context) : message;
}

/** One identifier for each prefix, in the lists of those families that have them. */
function withIds(
  message: UpdateMessage, withdrawn: Classic, classic: Classic, unreach: MpUnreach | undefined, reach: MpReach | undefined, { addPathIn }: WireContext,
): UpdateMessage {
  const idsOf = (family: Family, own: readonly number[] = [], mp?: MpUnreach): number[] =>
    [...own, ...(mp?.family === family ? mp.ids ?? [] : [])];
  return {
    ...message,
    ...(addPathIn.ipv4 && { withdrawnIds4: idsOf('ipv4', withdrawn.ids, unreach), announcedIds4: idsOf('ipv4', classic.ids, reach) }),
    ...(addPathIn.ipv6 && { withdrawnIds6: idsOf('ipv6', [], unreach), announcedIds6: idsOf('ipv6', [], reach) }),
  };
}

type Reader<T> = (bytes: Uint8Array, start: number, end: number, context: WireContext) => T | 'ignored' | { readonly untrusted: string };

/** An MP attribute, if it is there and of a family that we speak. Its prefixes must be readable, or the session goes. */
function locatedMp<T extends object>(
  body: Uint8Array, walk: Walk, at: Located, name: string, read: Reader<T>, context: WireContext,
): T | undefined {
  if (at.end === 0) return undefined;
  const flags = body[at.at]!;
  if ((flags & (OPTIONAL | TRANSITIVE)) !== OPTIONAL) throw untrusted(body, at, `${name}: flags ${flags}: expected ${OPTIONAL}`);
  const value = read(body, at.start, at.end, context);
  if (value === 'ignored') {
    const family = `AFI ${u16At(body, at.start)}, SAFI ${body[at.start + 2]!}`;
    walk.faults.push(fault('discard', `${name}: ${family} is not spoken here`, UPDATE_ERROR.unspecific));
    return undefined;
  }
  if ('untrusted' in value) throw untrusted(body, at, `${name}: ${value.untrusted}`);
  return value;
}

const untrusted = (body: Uint8Array, at: Located, message: string): Error =>
  updateError(message, UPDATE_ERROR.optionalAttribute, body.subarray(at.at, at.end));

/** RFC 4724 §2: nothing but an MP_UNREACH_NLRI without prefixes. */
const isEndOfRib = (walk: Walk, unreach: MpUnreach, length: number): boolean =>
  unreach.prefixes.length === 0 && length === 4 + walk.mpUnreach.end - walk.mpUnreach.at;

/**
 * The NEXT_HOP attribute (RFC 7606 §7.3), needed by prefixes in the classic field; without them only its form is checked.
 * Beside an MP_REACH_NLRI alone it is to be ignored (RFC 4760 §3), so the caller does not ask.
 */
function classicNextHop(body: Uint8Array, walk: Walk, isNeeded: boolean): NextHop | undefined {
  const { at, start, end } = walk.nextHop;
  const flags = body[at]!;
  if (end === 0) {
    if (isNeeded) walk.faults.push(fault('withdraw', 'NEXT_HOP: is missing', UPDATE_ERROR.missingWellKnown));
  } else if ((flags & (OPTIONAL | TRANSITIVE)) !== TRANSITIVE) {
    walk.faults.push(fault('withdraw', `NEXT_HOP: flags ${flags}: expected ${TRANSITIVE}`, UPDATE_ERROR.attributeFlags, copyOf(body, at, end)));
  } else if (end - start !== 4) {
    walk.faults.push(fault('withdraw', `NEXT_HOP: length ${end - start}: expected 4`, UPDATE_ERROR.attributeLength, copyOf(body, at, end)));
  } else if (isNeeded) {
    return { address: u32At(body, start) as Ipv4 };
  }
  return undefined;
}

/**
 * Adds what only the whole message shows.
 *
 * @throws {WireError} when routes would have to be treated as withdrawn and none are there (RFC 7606 §5.2).
 */
function addFaults(walk: Walk, block: AttributeBlock | undefined, isAnnouncing: boolean, nextHop: NextHop | undefined, reach: MpReach | undefined): void {
  const faults = walk.faults;
  if (block !== undefined && block.faults.length > 0) faults.push(...block.faults);
  if (isAnnouncing) addAnnouncementFaults(faults, block, nextHop, reach);
  if (faults.length === 0 || isAnnouncing) return;
  const isForOtherFamily = walk.mpReach.end > 0 && reach === undefined;
  const worst = faults.find(isWithdraw);
  if (worst !== undefined && !isForOtherFamily) throw updateError(worst.text, worst.subcode, worst.attribute);
}

function addAnnouncementFaults(faults: AttributeFault[], block: AttributeBlock | undefined, nextHop: NextHop | undefined, reach: MpReach | undefined): void {
  const missing = block === undefined ? 'ORIGIN' : block.missing;
  if (missing !== undefined) faults.push(fault('withdraw', `${missing}: is missing`, UPDATE_ERROR.missingWellKnown));
  for (const hop of [nextHop, reach?.nextHop]) {
    if (hop !== undefined && !isUsableNextHop(hop.address)) {
      faults.push(fault('withdraw', `next hop ${showIp(hop.address)}: cannot be an address to forward to`, UPDATE_ERROR.invalidNextHop));
    }
  }
  if (nextHop !== undefined && reach?.family === 'ipv4' && reach.nextHop.address !== nextHop.address) {
    faults.push(fault('withdraw', 'IPv4 prefixes with two different next hops', UPDATE_ERROR.invalidNextHop));
  }
}

const isWithdraw = (f: AttributeFault): boolean => f.action === 'withdraw';

const joined = (a: readonly Prefix4[], b: readonly Prefix4[]): readonly Prefix4[] => (a.length === 0 ? b : [...a, ...b]);

/**
 * Writes all of `update` as one message: IPv4 in the classic fields unless its next hop is an IPv6 address (RFC 8950 §3), IPv6
 * in MP attributes, those first (RFC 7606 §5.1). Throws RangeError when something is announced without attributes, next hop
 * or a path identifier that the session asks for, or would need two MP_REACH_NLRI. To send many prefixes, use `pack.ts`.
 */
export function writeUpdate(w: ByteWriter, update: UpdateMessage, context: WireContext): void {
  const { attributes, withdrawn4, announced4, withdrawn6, announced6, nextHop4, nextHop6, endOfRib } = update;
  assertSayable(update, context);
  const isMp4 = announced4.length > 0 && typeof nextHop4?.address === 'bigint';
  const ids = context.addPathOut;
  w.withLength16(() => { appendNlri(w, withdrawn4, ids.ipv4 ? update.withdrawnIds4 : undefined); });
  w.withLength16(() => {
    if (isMp4) writeMp(w, ATTRIBUTE.mpReach, mpReachHead('ipv4', nextHop4), announced4, ids.ipv4 ? update.announcedIds4 : undefined);
    if (announced6.length > 0) writeMp(w, ATTRIBUTE.mpReach, mpReachHead('ipv6', nextHop6!), announced6, ids.ipv6 ? update.announcedIds6 : undefined);
    if (withdrawn6.length > 0 || endOfRib === 'ipv6') {
      writeMp(w, ATTRIBUTE.mpUnreach, mpUnreachHead('ipv6'), withdrawn6, ids.ipv6 ? update.withdrawnIds6 : undefined);
    }
    const classicHop = announced4.length > 0 && !isMp4 ? nextHop4!.address as Ipv4 : undefined;
    if (attributes !== undefined) w.bytes(writeAttributeBlock(attributes, context, classicHop));
  });
  if (!isMp4) appendNlri(w, announced4, ids.ipv4 ? update.announcedIds4 : undefined);
}

function assertSayable(update: UpdateMessage, { addPathOut, extendedNextHop }: WireContext): void {
  const { attributes, announced4, announced6, nextHop4, nextHop6 } = update;
  const isMp4 = announced4.length > 0 && typeof nextHop4?.address === 'bigint';
  if (announced4.length > 0 && (nextHop4 === undefined || (isMp4 && !extendedNextHop))) throw new RangeError('IPv4 prefixes without an IPv4 next hop');
  if (announced6.length > 0 && nextHop6 === undefined) throw new RangeError('IPv6 prefixes without a next hop');
  if (isMp4 && announced6.length > 0) throw new RangeError('prefixes of both families need two MP_REACH_NLRI');
  if (announced4.length + announced6.length > 0 && attributes === undefined) throw new RangeError('prefixes without attributes');
  const lists = [
    [addPathOut.ipv4, update.withdrawn4, update.withdrawnIds4], [addPathOut.ipv4, announced4, update.announcedIds4],
    [addPathOut.ipv6, update.withdrawn6, update.withdrawnIds6], [addPathOut.ipv6, announced6, update.announcedIds6],
  ] as const;
  if (lists.some(([isNeeded, prefixes, ids]) => isNeeded && prefixes.length !== (ids?.length ?? 0))) {
    throw new RangeError('each prefix needs a path identifier');
  }
}

function writeMp(w: ByteWriter, code: number, head: Uint8Array, prefixes: readonly Prefix[], ids: readonly number[] | undefined): void {
  writeAttribute(w, OPTIONAL, code, () => { w.bytes(head); appendNlri(w, prefixes, ids); });
}

/** One walk over the attributes of an UPDATE: tells those that differ from message to message from those that are shared. */
import { fault, malformedList, type AttributeFault } from './attribute-fault.ts';
import { ATTRIBUTE, ATTRIBUTE_FLAG, UPDATE_ERROR } from './constants.ts';
import { u16At } from './octets.ts';

/** Where an attribute stands: offsets of its flags, its value and its end; all 0 when it is absent. */
export interface Located { at: number; start: number; end: number }

export interface Walk {
  /** All attributes but the three below, back to back, in `sharedLength` bytes. */
  readonly shared: Uint8Array;
  sharedLength: number;
  readonly nextHop: Located;
  readonly mpReach: Located;
  readonly mpUnreach: Located;
  readonly faults: AttributeFault[];
}

/**
 * Attributes that overrun their field end the walk, not the message (RFC 7606 §4). Of two NEXT_HOP the first wins (§3 g);
 * repetitions of the shared ones are left to their reader, who finds them in `scratch`.
 *
 * @throws {WireError} UPDATE error 1 when an MP attribute appears twice or is cut off.
 */
export function walkAttributes(body: Uint8Array, start: number, end: number, scratch: Uint8Array): Walk {
  const walk: Walk = {
    shared: end - start <= scratch.length ? scratch : new Uint8Array(end - start), sharedLength: 0,
    nextHop: { at: 0, start: 0, end: 0 }, mpReach: { at: 0, start: 0, end: 0 }, mpUnreach: { at: 0, start: 0, end: 0 }, faults: [],
  };
  let at = start;
  while (at < end) {
    const isExtended = (body[at]! & ATTRIBUTE_FLAG.extendedLength) !== 0;
    const valueStart = at + (isExtended ? 4 : 3);
    const next = valueStart > end ? Infinity : valueStart + (isExtended ? u16At(body, at + 2) : body[at + 2]!);
    if (next > end) {
      walk.faults.push(overrun(body, at, end));
      break;
    }
    const located = locatedFor(body[at + 1]!, walk);
    if (located === undefined) {
      for (let i = at; i < next; i++) walk.shared[walk.sharedLength++] = body[i]!;
    } else if (located.end === 0) {
      located.at = at;
      located.start = valueStart;
      located.end = next;
    } else if (located === walk.nextHop) {
      if (walk.faults.length === 0) walk.faults.push(fault('discard', 'NEXT_HOP: appears again', UPDATE_ERROR.unspecific));
    } else {
      throw malformedList('an MP attribute appears twice');
    }
    at = next;
  }
  return walk;
}

function locatedFor(code: number, walk: Walk): Located | undefined {
  switch (code) {
    case ATTRIBUTE.nextHop: return walk.nextHop;
    case ATTRIBUTE.mpReach: return walk.mpReach;
    case ATTRIBUTE.mpUnreach: return walk.mpUnreach;
    default: return undefined;
  }
}

/** An MP attribute that is cut off hides prefixes: then the session must go. */
function overrun(body: Uint8Array, at: number, end: number): AttributeFault {
  const code = at + 1 < end ? body[at + 1]! : undefined;
  if (code === ATTRIBUTE.mpReach || code === ATTRIBUTE.mpUnreach) throw malformedList(`attribute ${code} overruns its field`);
  return fault('withdraw', `attribute ${code ?? 'without a code'}: overruns its field`, UPDATE_ERROR.malformedAttributeList);
}

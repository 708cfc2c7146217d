/** Gives equal attribute blocks the same object, so that a block is read once and routes compare attributes by identity. */
import { readAttributeBlock, writeAttributeBlock, type AttributeBlock } from './attribute-block.ts';
import type { PathAttributes, WireContext } from './message.ts';

/** Entries that nobody holds and that are remembered all the same: bounds what a hostile peer can make us keep. */
const DEFAULT_IDLE_LIMIT = 4096;
/** Blocks under one hash. Beyond it (only by intent) a block is read, but not remembered. */
const MAX_CHAIN = 16;

interface Entry {
  readonly hash: number;
  readonly kind: number;
  readonly bytes: Uint8Array;
  readonly block: AttributeBlock;
  /** How many `retain` calls are not released yet. */
  held: number;
  /** Next entry with the same hash. */
  next: Entry | undefined;
}

/** Which reading of the bytes an entry is; entries of different kinds never mix. */
const kindOf = (context: WireContext): number => (context.fourOctetAs ? 1 : 0) | (context.external ? 2 : 0);
const CANONICAL = 4;
const CANONICAL_CONTEXT: WireContext = { fourOctetAs: true, external: false };

/**
 * One for the whole speaker. Its holders say what they keep: `retain` once for each reference stored, `release` when that
 * reference goes. An entry that nobody holds is forgotten before `idleLimit` younger such entries have come.
 * Forgetting is safe at any time: the same bytes then give a new object, equal but not identical.
 *
 * A holder that never calls `retain` gets a bounded cache: right, but routes may come to hold equal objects twice.
 */
export class AttributeInterner {
  readonly #idleLimit: number;
  readonly #byHash = new Map<number, Entry>();
  readonly #byAttributes = new Map<PathAttributes, Entry>();
  /** Entries that nobody holds, in two generations: when the young one is full, the old one is forgotten as a whole. */
  #young = new Set<Entry>();
  #old = new Set<Entry>();

  constructor(options: { readonly idleLimit?: number } = {}) { this.#idleLimit = options.idleLimit ?? DEFAULT_IDLE_LIMIT; }

  /** Entries remembered, held or idle. */
  get size(): number { return this.#byAttributes.size; }

  /**
   * The block in `bytes[start..end)`: attributes back to back, without NEXT_HOP and the MP attributes. The bytes are copied.
   *
   * @throws {WireError} what `readAttributeBlock` throws; nothing is remembered then.
   */
  intern(bytes: Uint8Array, start: number, end: number, context: WireContext): AttributeBlock {
    const kind = kindOf(context);
    const hash = hashOf(bytes, start, end, kind);
    const found = this.#find(hash, kind, bytes, start, end);
    if (found !== undefined) return found.block;
    const own = bytes.slice(start, end);
    return this.#add(hash, kind, own, readAttributeBlock(own, 0, own.length, context));
  }

  /** The same object for structurally equal attributes, wherever they came from: for attributes made here, on export. */
  canonical(attributes: PathAttributes): PathAttributes {
    const bytes = writeAttributeBlock(attributes, CANONICAL_CONTEXT);
    const hash = hashOf(bytes, 0, bytes.length, CANONICAL);
    const found = this.#find(hash, CANONICAL, bytes, 0, bytes.length);
    if (found !== undefined) return found.block.attributes;
    const own = this.#byAttributes.has(attributes) ? { ...attributes } : attributes;
    return this.#add(hash, CANONICAL, bytes, { attributes: own, faults: [], missing: undefined }).attributes;
  }

  /** Keeps the entry of `attributes` until as many `release` calls came. Attributes from elsewhere are left alone. */
  retain(attributes: PathAttributes): void {
    const entry = this.#byAttributes.get(attributes);
    if (entry === undefined) return;
    if (entry.held === 0 && !this.#young.delete(entry)) this.#old.delete(entry);
    entry.held += 1;
  }

  /** Takes back one `retain`. */
  release(attributes: PathAttributes): void {
    const entry = this.#byAttributes.get(attributes);
    if (entry === undefined || entry.held === 0) return;
    entry.held -= 1;
    if (entry.held === 0) this.#becomesIdle(entry);
  }

  #find(hash: number, kind: number, bytes: Uint8Array, start: number, end: number): Entry | undefined {
    let entry = this.#byHash.get(hash);
    while (entry !== undefined && !(entry.kind === kind && equals(entry.bytes, bytes, start, end))) entry = entry.next;
    return entry;
  }

  #add(hash: number, kind: number, bytes: Uint8Array, block: AttributeBlock): AttributeBlock {
    const first = this.#byHash.get(hash);
    if (chainLength(first) >= MAX_CHAIN) return block;
    const entry: Entry = { hash, kind, bytes, block, held: 0, next: first };
    this.#byHash.set(hash, entry);
    this.#byAttributes.set(block.attributes, entry);
    this.#becomesIdle(entry);
    return block;
  }

  #becomesIdle(entry: Entry): void {
    this.#young.add(entry);
    if (this.#young.size * 2 < this.#idleLimit) return;
    for (const oldest of this.#old) this.#forget(oldest);
    this.#old = this.#young;
    this.#young = new Set();
  }

  #forget(entry: Entry): void {
    this.#byAttributes.delete(entry.block.attributes);
    let at = this.#byHash.get(entry.hash);
    if (at === entry) {
      if (entry.next === undefined) this.#byHash.delete(entry.hash);
      else this.#byHash.set(entry.hash, entry.next);
      return;
    }
    while (at !== undefined && at.next !== entry) at = at.next;
    if (at !== undefined) at.next = entry.next;
  }
}

/** FNV-1a over the bytes, begun with the kind. */
function hashOf(bytes: Uint8Array, start: number, end: number, kind: number): number {
  let hash = (0x811c9dc5 ^ kind) | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash;
}

function equals(own: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (own.length !== end - start) return false;
  for (let i = 0; i < own.length; i++) if (own[i] !== bytes[start + i]) return false;
  return true;
}

function chainLength(first: Entry | undefined): number {
  let length = 0;
  for (let entry = first; entry !== undefined; entry = entry.next) length += 1;
  return length;
}

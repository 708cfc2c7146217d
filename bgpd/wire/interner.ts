/** Gives equal attribute blocks the same object, so that a block is read once and routes compare attributes by identity. */
import { readAttributeBlock, writeAttributeBlock, type AttributeBlock } from './attribute-block.ts';
import { MAX_MESSAGE_LENGTH } from './constants.ts';
import { wireContext } from './context.ts';
import type { PathAttributes, WireContext } from './message.ts';

/**
 * Bytes of blocks that nobody holds and that are remembered all the same: bounds what a hostile peer can make us keep.
 * What is read from a block takes at most some twenty times its bytes.
 */
const DEFAULT_IDLE_BYTES = 1_048_576;
/** Counted for each entry beside its block. */
const ENTRY_BYTES = 100;

/** Blocks by their bytes, one character each: V8 seeds its string hash, so that no peer can aim at one bucket. */
type Table = Map<string, Entry>;

interface Entry extends AttributeBlock {
  readonly table: Table;
  readonly key: string;
  /** How many `retain` calls are not released yet. */
  held: number;
  /** It stands in one of the two queues. */
  isQueued: boolean;
}

/** Attributes that know their entry; to everybody else they look like a plain object. */
class InternedAttributes implements PathAttributes {
  readonly origin: PathAttributes['origin'];
  readonly asPath: PathAttributes['asPath'];
  readonly asPathLength: number;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly atomicAggregate: boolean;
  readonly aggregator: PathAttributes['aggregator'];
  readonly communities: readonly number[];
  readonly extendedCommunities: readonly bigint[];
  readonly largeCommunities: PathAttributes['largeCommunities'];
  readonly otc: number | undefined;
  readonly originatorId: number | undefined;
  readonly clusterList: readonly number[];
  readonly unknown: PathAttributes['unknown'];
  readonly #entry: Entry;

  constructor(a: PathAttributes, table: Table, key: string, { faults, missing }: Omit<AttributeBlock, 'attributes'>) {
    this.origin = a.origin;
    this.asPath = a.asPath;
    this.asPathLength = a.asPathLength;
    this.med = a.med;
    this.localPref = a.localPref;
    this.atomicAggregate = a.atomicAggregate;
    this.aggregator = a.aggregator;
    this.communities = a.communities;
    this.extendedCommunities = a.extendedCommunities;
    this.largeCommunities = a.largeCommunities;
    this.otc = a.otc;
    this.originatorId = a.originatorId;
    this.clusterList = a.clusterList;
    this.unknown = a.unknown;
    this.#entry = { attributes: this, faults, missing, table, key, held: 0, isQueued: false };
  }

  static entryOf(attributes: PathAttributes): Entry | undefined {
    return #entry in attributes ? attributes.#entry : undefined;
  }
}

const CANONICAL_CONTEXT = wireContext();

/**
 * One for the whole speaker. Its holders say what they keep: `retain` once for each reference stored, `release` when that
 * reference goes. An entry that nobody holds is forgotten before `idleBytes` of younger entries have come.
 * Forgetting is safe at any time: the same bytes then give a new object, equal but not identical.
 *
 * A holder that never calls `retain` gets a bounded cache: right, but routes may come to hold equal objects twice.
 */
export class AttributeInterner {
  /** Room for the caller to gather a block in. */
  readonly scratch: Buffer = Buffer.alloc(MAX_MESSAGE_LENGTH);
  readonly #idleBytes: number;
  /** A table for each reading of the bytes: by width of AS numbers and kind of peer. */
  readonly #tables: readonly Table[] = [new Map(), new Map(), new Map(), new Map()];
  readonly #canonical: Table = new Map();
  /**
   * Entries in the order in which they were added or let go, in two generations: when the young one is full, those of the
   * old one that nobody holds are forgotten.
   */
  #young: Entry[] = [];
  #youngBytes = 0;
  #old: Entry[] = [];
  #size = 0;

  constructor(options: { readonly idleBytes?: number } = {}) { this.#idleBytes = options.idleBytes ?? DEFAULT_IDLE_BYTES; }

  /** Entries remembered, held or idle. */
  get size(): number { return this.#size; }

  /**
   * The block in `bytes[start..end)`: attributes back to back, without NEXT_HOP and the MP attributes. Nothing points into
   * `bytes` afterwards.
   *
   * @throws {WireError} what `readAttributeBlock` throws; nothing is remembered then.
   */
  intern(bytes: Uint8Array, start: number, end: number, context: WireContext): AttributeBlock {
    const table = this.#tables[(context.fourOctetAs ? 2 : 0) + (context.external ? 1 : 0)]!;
    const key = textOf(bytes, start, end);
    const found = table.get(key);
    return found === undefined ? this.#add(table, key, readAttributeBlock(bytes, start, end, context)) : found;
  }

  /** The same object for structurally equal attributes, wherever they came from: for attributes made here, on export. */
  canonical(attributes: PathAttributes): PathAttributes {
    const bytes = writeAttributeBlock(attributes, CANONICAL_CONTEXT);
    const key = textOf(bytes, 0, bytes.length);
    const found = this.#canonical.get(key);
    if (found !== undefined) return found.attributes;
    return this.#add(this.#canonical, key, { attributes, faults: [], missing: undefined }).attributes;
  }

  /** Keeps the entry of `attributes` until as many `release` calls came. Attributes from elsewhere are left alone. */
  retain(attributes: PathAttributes): void {
    const entry = InternedAttributes.entryOf(attributes);
    if (entry !== undefined) entry.held += 1;
  }

  /** Takes back one `retain`. */
  release(attributes: PathAttributes): void {
    const entry = InternedAttributes.entryOf(attributes);
    if (entry === undefined || entry.held === 0) return;
    entry.held -= 1;
    if (entry.held === 0) this.#enqueue(entry);
  }

  #add(table: Table, key: string, block: AttributeBlock): AttributeBlock {
    const entry = InternedAttributes.entryOf(new InternedAttributes(block.attributes, table, key, block))!;
    table.set(key, entry);
    this.#size += 1;
    this.#enqueue(entry);
    return entry;
  }

  #enqueue(entry: Entry): void {
    if (entry.isQueued) return;
    entry.isQueued = true;
    this.#young.push(entry);
    this.#youngBytes += entry.key.length + ENTRY_BYTES;
    if (this.#youngBytes * 2 < this.#idleBytes) return;
    for (const old of this.#old) {
      old.isQueued = false;
      if (old.held === 0) this.#forget(old);
    }
    this.#old = this.#young;
    this.#young = [];
    this.#youngBytes = 0;
  }

  #forget(entry: Entry): void {
    if (entry.table.get(entry.key) !== entry) return;
    entry.table.delete(entry.key);
    this.#size -= 1;
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1', start, end);
}

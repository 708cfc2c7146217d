/** Real sessions of a real speaker, over connections in memory: hostile peers say wrong things, good ones must not notice. */
import { startSpeaker, type Speaker } from '../../bgpd/speaker.ts';
import { statusOf } from '../../bgpd/status.ts';
import type { Connection, KernelRoute } from '../../bgpd/ports.ts';
import { encodeMessage, decodeMessage } from '../../bgpd/wire/codec.ts';
import { EXTENDED_MESSAGE_LENGTH, HEADER_LENGTH, MARKER_LENGTH, MAX_MESSAGE_LENGTH, MESSAGE_TYPE } from '../../bgpd/wire/constants.ts';
import { wireContext } from '../../bgpd/wire/context.ts';
import { Framer } from '../../bgpd/wire/framer.ts';
import { AttributeInterner } from '../../bgpd/wire/interner.ts';
import type { Capabilities, UpdateMessage, WireContext } from '../../bgpd/wire/message.ts';
import type { PeerConfig } from '../../config/messages/speaker-config.ts';
import { FAMILIES, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { ip } from '../../lib/ip/text.ts';
import type { Fields, Log } from '../../lib/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeConnection } from '../support/fake-transport.ts';
import { hexFromBytes } from '../support/hex.ts';
import type { Seeded } from '../support/seeded.ts';
import { capabilities, restartCapability } from '../support/session-builders.ts';
import { globalSection, peerConfig } from '../support/speaker-config.ts';
import { expectationOf, type Agreed } from './expectation.ts';
import { mutated } from './mutation.ts';
import { framed, seeds, type Seed } from './seeds.ts';

const KEEPALIVE = framed(MESSAGE_TYPE.keepalive, new Uint8Array(0));
const [OUR4, OUR6] = [ip('10.0.0.1'), ip('fd00::1')];
const ADD_PATH: Capabilities['addPath'] = FAMILIES.map((family) => ({ family, send: true, receive: true }));
const RESTART = restartCapability({ notification: true, families: FAMILIES.map((family) => ({ family, forwardingPreserved: true })) });
const BOTH = { families: FAMILIES, passive: true } as const;
/** Messages between two flushes, and kept of those that made the speaker say something new. */
const [TURN, POOL] = [32, 4_096];
const STEP_MS = 61_000;
const FRESH = 12_000;

interface Role { readonly config: PeerConfig; readonly says: Partial<Capabilities> }

const HOSTILE: readonly Role[] = [
  { config: peerConfig('10.0.0.10', { ...BOTH, asn: 65001, maximumPrefixes: { limit: 5_000, action: 'close', restartSeconds: 1 } }), says: { gracefulRestart: RESTART } },
  {
    config: peerConfig('10.0.0.11', {
      ...BOTH, addPath: { send: true, receive: true }, notificationRestart: true, longLivedStaleSeconds: 60, reflectorClient: true,
    }),
    says: {
      addPath: ADD_PATH, extendedMessages: true, enhancedRouteRefresh: true, gracefulRestart: RESTART,
      longLived: FAMILIES.map((family) => ({ family, forwardingPreserved: true, staleSeconds: 60 })),
    },
  },
  { config: peerConfig('10.0.0.12', { ...BOTH, asn: 65002, allowLocalAs: 2 }), says: { fourOctetAs: false } },
  {
    config: peerConfig('fd00::13', { ...BOTH, asn: 65003, addPath: { send: true, receive: true }, extendedNextHop: true, role: { local: 'provider', strict: false } }),
    says: { addPath: ADD_PATH, extendedNextHop: true, extendedMessages: true, role: 'customer' },
  },
];
const GOOD: readonly Role[] = [
  { config: peerConfig('10.0.0.20', { ...BOTH, asn: 65100, extendedMessages: false, removePrivateAs: true }), says: { fourOctetAs: false } },
  {
    config: peerConfig('fd00::21', { ...BOTH, addPath: { send: true, receive: true }, reflectorClient: true, extendedNextHop: true }),
    says: { addPath: ADD_PATH, extendedMessages: true, extendedNextHop: true },
  },
];

/** What went on, for the report. */
export interface Tally { messages: number; resets: number; sessions: number; news: number; compared: number }

export class SessionFuzz {
  readonly tally: Tally = { messages: 0, resets: 0, sessions: 0, news: 0, compared: 0 };
  readonly #random: Seeded;
  readonly #clock = new FakeClock();
  readonly #kernel = new Map<Prefix, KernelRoute>();
  readonly #speaker: Speaker;
  readonly #pool: Seed[] = seeds();
  readonly #opens = this.#pool.filter((seed) => seed.type === MESSAGE_TYPE.open);
  readonly #said = new Set<string>();
  readonly #hostile = HOSTILE.map((role) => new Other(role));
  readonly #good = GOOD.map((role) => new Other(role));
  #soon: (() => void)[] = [];
  #accept: (connection: Connection) => void = () => undefined;

  constructor(random: Seeded) {
    this.#random = random;
    this.#speaker = startSpeaker({
      clock: this.#clock, log: this.#log(), random: () => random.below(1_000) / 1_000, soon: (work) => { this.#soon.push(work); },
      transport: {
        dial: () => new Promise(() => undefined),
        listen: (_address, _port, accept) => { this.#accept = accept; return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }); },
      },
      resolver: {
        resolve: (address) => (address === OUR4 || address === OUR6 ? { reachable: false, gateway: undefined, interfaceIndex: 0, metric: Infinity }
          : { reachable: true, gateway: undefined, interfaceIndex: 7, metric: 0 }),
        ownAddresses: () => [OUR6], onChange: () => ({ [Symbol.dispose]: () => undefined }),
      },
      fib: () => ({
        list: () => Promise.resolve([...this.#kernel.values()]),
        put: (routes) => { for (const route of routes) this.#kernel.set(route.prefix, route); return Promise.resolve([]); },
        remove: (routes) => { for (const route of routes) this.#kernel.delete(route.prefix); return Promise.resolve([]); },
      }),
    });
  }

  async start(): Promise<void> {
    await this.#speaker.apply({
      global: globalSection({ routerId: '10.0.0.1' }), filters: { filters: [] }, originate: { routes: [{ prefix: '10.244.0.0/26', blackhole: true }] },
      peers: { peers: [...HOSTILE, ...GOOD].map((role) => role.config) },
    });
    for (const good of this.#good) this.#begin(good, good.open);
    await this.#flush();
    for (const good of this.#good) if (this.#sessionOf(good) === undefined) throw new Error(`${good.name} does not come up`);
  }

  /** Sends so many messages. Throws when something is not as it should be; the message that did it is in the error. */
  async run(messages: number): Promise<void> {
    const end = this.tally.messages + messages;
    for (let i = 0; this.tally.messages < end; i++) {
      const other = this.#random.pick(this.#hostile);
      if (this.#sessionOf(other) === undefined) await this.#bringUp(other);
      this.#sendTo(other);
      if (i % TURN === 0) await this.#flush();
    }
    await this.#flush();
  }

  /** Ends the hostile sessions and lets all their routes run out: nothing may be left of them. */
  async drain(): Promise<void> {
    for (const other of this.#hostile) other.connection?.lose('');
    for (let i = 0; i < 12; i++) await this.#pass(STEP_MS);
    for (const family of FAMILIES) this.#speaker.routing.ribs[family].sweep();
    const { peers, routes } = statusOf(this.#speaker, []);
    const left = {
      received: peers.reduce((sum, p) => sum + p.received + p.stale, 0), paths: routes.ipv4.paths + routes.ipv6.paths,
      prefixes: routes.ipv4.prefixes + routes.ipv6.prefixes, kernel: this.#kernel.size, known: this.#good.map((good) => good.known.size),
    };
    const expected = { received: 0, paths: 1, prefixes: 1, kernel: 1, known: [1, 1] };
    if (JSON.stringify(left) !== JSON.stringify(expected)) throw new Error(`all is withdrawn, but there is ${JSON.stringify(left)}: expected ${JSON.stringify(expected)}`);
  }

  async close(): Promise<void> { await this.#speaker.close(); }

  /** Attributes that nobody holds are remembered up to a limit: fills that with small ones, so that heaps can be compared. */
  async freshen(): Promise<void> {
    const other = this.#hostile[2]!;
    if (this.#sessionOf(other) === undefined) await this.#bringUp(other, false);
    for (let i = 0; i < FRESH; i++) {
      const med = [i >>> 24, i >>> 16, i >>> 8, i];
      const attributes = [0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0xfd, 0xea, 0x40, 3, 4, 10, 0, 0, 12, 0x80, 4, 4, ...med];
      other.connection!.receive(framed(MESSAGE_TYPE.update, Uint8Array.from([0, 0, 0, attributes.length, ...attributes, 24, 20, 9, 9])));
      if (i % 1_024 === 0) await this.#flush();
    }
  }

  #sendTo(other: Other): void {
    const neighbour = this.#speaker.neighbours.find(other.name)!;
    const agreed = neighbour.session?.negotiated.wire;
    if (agreed === undefined) return;
    const seed = this.#next(agreed);
    if (seed === undefined) return;
    const bytes = framed(seed.type, seed.body);
    if (this.#random.below(4_000) === 0) {
      bytes[this.#random.below(HEADER_LENGTH)]! ^= 1 << this.#random.below(8);
      other.isFramed = false;
    }
    const wasNew = this.#said.size;
    try {
      other.feed(bytes, this.#random);
      this.#judge(other, bytes, agreed);
    } catch (error) {
      throw new Error(`${other.name} (${wordsOf(agreed)}) was sent ${hexFromBytes(bytes)}`, { cause: error });
    }
    this.tally.messages++;
    if (this.#said.size === wasNew) return;
    this.tally.news++;
    if (other.connection?.endedBy !== undefined || seed.body.length > 1_024) return;
    if (this.#pool.length < POOL) this.#pool.push(seed); else this.#pool[this.#random.below(POOL)] = seed;
  }

  /** Undefined: one more that would only end the session, which is known by now and costs a new one. */
  #next(agreed: WireContext): Seed | undefined {
    const below = (limit: number): number => this.#random.below(limit);
    const isLong = agreed.maximumBytes === EXTENDED_MESSAGE_LENGTH && below(64) === 0;
    const seed = mutated(this.#random, this.#pool, (isLong ? EXTENDED_MESSAGE_LENGTH : MAX_MESSAGE_LENGTH) - HEADER_LENGTH);
    if (seed.type === MESSAGE_TYPE.routeRefresh) return seed.body.length === 4 || below(64) === 0 ? seed : undefined;
    if (seed.type !== MESSAGE_TYPE.update) return below(256) === 0 ? seed : undefined;
    if (seed.body.length < 4) return below(64) === 0 ? seed : undefined;
    switch (expectationOf(seed.body, agreedOn(agreed))) {
      case 'reset': return below(256) === 0 ? seed : undefined;
      case 'withdraw-or-reset': return below(8) === 0 ? seed : undefined;
      default: return seed;
    }
  }

  #judge(other: Other, bytes: Uint8Array, agreed: WireContext): void {
    const type = bytes[MARKER_LENGTH + 2]!;
    const body = bytes.subarray(HEADER_LENGTH);
    const { connection } = other;
    const notification = connection?.endedBy === undefined ? undefined : other.notification();
    if (notification !== undefined) this.tally.resets++;
    if (type !== MESSAGE_TYPE.update || body.length < 4 || !other.isFramed) return;
    const expected = expectationOf(body, agreedOn(agreed));
    if (expected === 'reset' && notification?.code !== 3) throw new Error('the session goes on: expected an UPDATE error');
    if (expected === 'go-on' && notification !== undefined && notification.code !== 6) throw new Error(`the session was ended with ${notification.code}/${notification.subcode}: expected it to go on`);
    if (notification === undefined && this.#random.below(16) === 0) this.#compare(other, body, agreed);
  }

  /** What the message says is what the table holds. */
  #compare(other: Other, body: Uint8Array, agreed: WireContext): void {
    const message = decodeMessage(MESSAGE_TYPE.update, body, agreed, new AttributeInterner()) as UpdateMessage;
    const neighbour = this.#speaker.neighbours.find(other.name)!;
    this.tally.compared++;
    for (const [family, prefixes, ids, hop] of [['ipv4', message.announced4, message.announcedIds4, message.nextHop4], ['ipv6', message.announced6, message.announcedIds6, message.nextHop6]] as const) {
      if (neighbour.session?.places.has(family) !== true) continue;
      const { loc } = this.#speaker.routing.ribs[family];
      const isHeld = message.outcome === 'ok' && hop !== undefined;
      for (const [i, prefix] of prefixes.entries()) {
        const id = loc.table.find(prefix);
        const path = id < 0 ? 0 : loc.adjIn.find(id, neighbour.source, ids?.[i] ?? 0);
        if (path !== 0 !== isHeld && (ids === undefined || loc.adjIn.countsOf(neighbour.source).ignored === 0)) throw new Error(`a prefix is ${isHeld ? 'not in' : 'still in'} the table; outcome ${message.outcome}, ${message.faults.join('; ')}`);
      }
    }
  }

  /** With a wrong OPEN first, now and then; what it leads to is taken when it leads to a session. */
  async #bringUp(other: Other, mayBeWrong = true): Promise<void> {
    for (let attempt = 0; this.#sessionOf(other) === undefined; attempt++) {
      if (attempt > 40) throw new Error(`${other.name} does not come up again`);
      await this.#pass(STEP_MS);
      const isWrong = mayBeWrong && this.#random.below(2) === 0 && attempt < 4;
      const seed = this.#random.below(2) === 0 ? { type: MESSAGE_TYPE.open, body: other.open.slice(HEADER_LENGTH) } : this.#random.pick(this.#opens);
      const wrong = mutated(this.#random, [seed], MAX_MESSAGE_LENGTH - HEADER_LENGTH);
      this.#begin(other, isWrong ? framed(MESSAGE_TYPE.open, wrong.body) : other.open);
      await this.#flush();
    }
    this.tally.sessions++;
  }

  #begin(other: Other, open: Uint8Array): void {
    const connection = new FakeConnection(typeof other.address === 'number' ? OUR4 : OUR6, other.address);
    other.connection = connection;
    other.isFramed = true;
    other.known.clear();
    this.#accept(connection);
    try {
      other.feed(open, this.#random);
      if (connection.endedBy === undefined) other.feed(KEEPALIVE, this.#random);
    } catch (error) {
      throw new Error(`${other.name} began with ${hexFromBytes(open)}`, { cause: error });
    }
  }

  #sessionOf(other: Other): object | undefined { return this.#speaker.neighbours.find(other.name)?.session; }

  /** Time passes; whoever is well says so. */
  async #pass(ms: number): Promise<void> {
    for (const other of [...this.#hostile, ...this.#good]) if (this.#sessionOf(other) !== undefined) other.connection?.receive(KEEPALIVE.slice());
    this.#clock.advance(ms);
    await this.#flush();
  }

  async #flush(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      const work = this.#soon.splice(0);
      for (const one of work) one();
      for (let i = 0; i < 8; i++) await Promise.resolve();
      quiet = work.length === 0 ? quiet + 1 : 0;
    }
    for (const other of this.#hostile) other.connection?.sent.splice(0);
    for (const good of this.#good) {
      const session = this.#speaker.neighbours.find(good.name)?.session;
      if (session === undefined) throw new Error(`${good.name}, who did nothing wrong, lost its session`);
      good.read(mirrored(session.negotiated.wire));
    }
  }

  /** What it says is how new ways through it are told from old ones. */
  #log(): Log {
    const note = (event: string, fields?: Fields): void => {
      const faults = fields?.['faults'];
      const reason = fields?.['reason'];
      const texts = Array.isArray(faults) ? faults.map(String) : [typeof reason === 'string' ? reason : ''];
      for (const text of texts) this.#said.add(`${event} ${text.slice(0, 80).replaceAll(/[0-9a-f.:]*\d[0-9a-f.:]*/g, '#')}`);
      if (event === 'session.decoder') throw new Error(`the decoder threw: ${JSON.stringify(fields)}`);
    };
    const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
    return log;
  }
}

/** One peer as seen from its own end. */
class Other {
  readonly config: PeerConfig;
  readonly open: Uint8Array;
  readonly address: Ip;
  connection: FakeConnection | undefined;
  /** False: a wrong header has gone out, and where messages begin is not what we think it is. */
  isFramed = true;
  /** What it was told and not told to forget: prefix and path identifier. */
  readonly known = new Set<string>();

  constructor({ config, says }: Role) {
    this.config = config;
    this.address = ip(config.address);
    const asn = typeof config.asn === 'number' ? config.asn : 64512;
    const routerId = 0x0a000000 + Number(BigInt(this.address) & 0xffn);
    this.open = encodeMessage({ type: 'open', version: 4, asn, holdTimeSeconds: 90, routerId, capabilities: capabilities(says) }, wireContext());
  }

  get name(): string { return this.config.name; }

  /** In one piece or several, from a buffer that is spoilt behind it. */
  feed(bytes: Uint8Array, random: Seeded): void {
    const cut = random.below(8) === 0 ? random.below(bytes.length + 1) : bytes.length;
    for (const part of [bytes.slice(0, cut), bytes.slice(cut)]) {
      if (part.length === 0 || this.connection?.endedBy !== undefined) continue;
      this.connection?.receive(part);
      part.fill(0xa5);
    }
  }

  /** The last one that we sent. */
  notification(): { readonly code: number; readonly subcode: number } | undefined {
    const last = this.connection?.sent.at(-1);
    return last?.[MARKER_LENGTH + 2] === MESSAGE_TYPE.notification ? { code: last[HEADER_LENGTH]!, subcode: last[HEADER_LENGTH + 1]! } : undefined;
  }

  /** Everything that a good peer is sent must be right. */
  read(context: WireContext): void {
    const framer = new Framer();
    framer.maximumBytes = context.maximumBytes;
    for (const frame of framer.frames(this.connection!.take())) {
      const message = decodeMessage(frame.type, frame.body, context, new AttributeInterner());
      if (message.type !== 'update') continue;
      if (message.faults.length > 0) throw new Error(`${this.name} was sent what has faults: ${message.faults.join('; ')}: ${hexFromBytes(frame.body)}`);
      for (const [prefixes, ids] of [[message.withdrawn4, message.withdrawnIds4], [message.withdrawn6, message.withdrawnIds6]] as const) {
        for (const [i, prefix] of prefixes.entries()) this.known.delete(`${prefix} ${ids?.[i] ?? 0}`);
      }
      for (const [prefixes, ids] of [[message.announced4, message.announcedIds4], [message.announced6, message.announcedIds6]] as const) {
        for (const [i, prefix] of prefixes.entries()) this.known.add(`${prefix} ${ids?.[i] ?? 0}`);
      }
    }
  }
}

const agreedOn = ({ addPathIn, extendedNextHop }: WireContext): Agreed => ({ addPath4: addPathIn.ipv4, addPath6: addPathIn.ipv6, extendedNextHop });

/** The session as the other end sees it. */
const mirrored = (wire: WireContext): WireContext => ({ ...wire, addPathIn: wire.addPathOut, addPathOut: wire.addPathIn });

const wordsOf = (agreed: WireContext): string =>
  [agreed.fourOctetAs ? 'four-octet' : '', agreed.external ? 'external' : '', agreed.addPathIn.ipv4 ? 'add-path' : '', agreed.extendedNextHop ? 'extended-next-hop' : '',
    agreed.maximumBytes > MAX_MESSAGE_LENGTH ? 'extended-messages' : ''].filter((word) => word !== '').join(' ');

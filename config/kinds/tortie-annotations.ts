/**
 * What no resource of Calico has a field for, as annotations `tortie.io/…` (Calico ignores them): names, values, and what
 * each means. `docs/bgp.md` has the same table in words.
 */
import type { Problem } from '../../lib/errors.ts';
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import { parseIp, parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import { DRAIN_WAIT_SECONDS, MAXIMUM_SHUTDOWN_MESSAGE, type ClearRequest, type DrainRequest } from '../messages/operator-annotations.ts';
import type { BgpRole, BmpStation } from '../messages/speaker-config.ts';
import { secondsOf } from '../schema/scalars.ts';
import { unlike } from '../schema/schema.ts';
import { isObject } from '../schema/structure.ts';

export const ANNOTATION_PREFIX = 'tortie.io/';

interface Row<T> {
  readonly expected: string;
  /** Undefined: the text is none of it. */
  readonly read: (text: string) => T | undefined;
}

const MAX_U32 = 4_294_967_295;

const whole = (minimum: number, maximum: number): Row<number> => ({
  expected: `${minimum}..${maximum}`,
  read: (text) => (/^\d{1,10}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum ? Number(text) : undefined),
});

/** Whole seconds, or a Go duration. */
const seconds = (minimum: number, maximum: number, also = ''): Row<number> => ({
  expected: `${minimum}..${maximum} seconds, or text like 1m30s${also}`,
  read: (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : secondsOf(text);
    return value !== undefined && Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined;
  },
});

/** Whole milliseconds, or a Go duration. */
const milliseconds = (minimum: number, maximum: number): Row<number> => ({
  expected: `${minimum}..${maximum} milliseconds, or text like 300ms`,
  read: (text) => {
    const value = Number(/^(\d{1,6})(?:ms)?$/.exec(text)?.[1] ?? Math.round((secondsOf(text) ?? NaN) * 1000));
    return Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined;
  },
});

const word = <const T extends string>(...words: readonly T[]): Row<T> =>
  ({ expected: words.join(' or '), read: (text) => words.find((w) => w === text) });

const map = <A, B>(row: Row<A>, change: (value: A) => B): Row<B> => ({
  expected: row.expected,
  read: (text) => { const value = row.read(text); return value === undefined ? undefined : change(value); },
});

const yesNo: Row<boolean> = map(word('true', 'false'), (w) => w === 'true');

const holdTime: Row<number> = {
  expected: '0, or 3..65535 seconds, or text like 1m30s',
  read: (text) => { const value = seconds(0, 65535).read(text); return value === 1 || value === 2 ? undefined : value; },
};

const prefixes: Row<readonly string[]> = {
  expected: 'IP prefixes, separated by commas',
  read: (text) => allOf(text.split(',').map((t) => parsePrefix(t.trim()))).map((list) => list.map(showPrefix))[0],
};

const families: Row<readonly Family[]> = {
  expected: 'true, false, ipv4 or ipv6',
  read: (text) => ({ true: FAMILIES, false: [], ipv4: ['ipv4'], ipv6: ['ipv6'] } as Readonly<Record<string, readonly Family[]>>)[text],
};

const addPath: Row<{ readonly send: boolean; readonly receive: boolean }> =
  map(word('both', 'send', 'receive', 'off'), (w) => ({ send: w === 'both' || w === 'send', receive: w === 'both' || w === 'receive' }));

const guards: Row<{ readonly martians: boolean; readonly ownBlocks: boolean }> =
  map(word('on', 'off', 'martians', 'own-blocks'), (w) => ({ martians: w === 'on' || w === 'martians', ownBlocks: w === 'on' || w === 'own-blocks' }));

const interfaceName: Row<string> = {
  expected: 'the name of one interface, at most 15 characters', read: (text) => (/^[^\s/:]{1,15}$/.test(text) && text !== '.' && text !== '..' ? text : undefined),
};

const peerPrefix: Row<string> = {
  expected: 'text like 192.0.2.0/24', read: (text) => { const found = parsePrefix(text); return found === undefined ? undefined : showPrefix(found); },
};

/** BMP's usual port. */
const BMP_PORT = 11_019;
const MONITORS = ['pre-policy', 'post-policy', 'loc-rib'] as const;

const bmpStations: Row<readonly BmpStation[]> = {
  expected: 'a JSON list of stations with different names, like [{"address":"192.0.2.1","port":11019,"monitor":["post-policy"],"statisticsSeconds":60}]',
  read: (text) => {
    const list = jsonOf(text);
    const stations = Array.isArray(list) ? allOf(list.map(stationOf))[0] : undefined;
    return stations !== undefined && new Set(stations.map((s) => s.name)).size === stations.length ? stations : undefined;
  },
};

function stationOf(value: unknown): BmpStation | undefined {
  if (!isObject(value)) return undefined;
  const { address, port = BMP_PORT, monitor = ['pre-policy'], statisticsSeconds = 60, name = address, ...unknown } = value;
  const monitors = Array.isArray(monitor) ? allOf(monitor.map((m: unknown) => MONITORS.find((known) => known === m)))[0] : undefined;
  const isGood = typeof address === 'string' && parseIp(address) !== undefined && isWhole(port, 1, 65_535) && isWhole(statisticsSeconds, 0, 86_400)
    && typeof name === 'string' && name !== '' && Object.keys(unknown).length === 0;
  return isGood && monitors !== undefined ? { name, address, port, monitor: monitors, statisticsSeconds } : undefined;
}

/** Peer name or address → the message that its operator is told. */
const shutdowns: Row<Readonly<Record<string, string>>> = {
  expected: 'a JSON object of peer name or address and message of at most 255 octets, like {"192.0.2.1":"maintenance"}',
  read: (text) => {
    const value = jsonOf(text);
    const isGood = isObject(value) && Object.values(value).every(isMessage);
    return isGood ? value as Readonly<Record<string, string>> : undefined;
  },
};

const clearRequest: Row<ClearRequest> = {
  expected: 'a JSON object like {"peer":"192.0.2.1","mode":"soft-in","at":"2026-01-31T12:00:00Z"}, mode hard, soft-in or soft-out',
  read: (text) => {
    const value = jsonOf(text);
    if (!isObject(value)) return undefined;
    const { peer, mode, at } = value;
    const isGood = typeof peer === 'string' && peer !== '' && (mode === 'hard' || mode === 'soft-in' || mode === 'soft-out') && typeof at === 'string';
    return isGood ? { peer, mode, at } : undefined;
  },
};

const drainRequest: Row<DrainRequest> = {
  expected: 'true, or a JSON object like {"at":"2026-01-31T12:00:00Z","waitSeconds":30,"message":"new kernel"}, waitSeconds 0..3600, message at most 255 octets',
  read: (text) => {
    const value = text === 'true' ? {} : jsonOf(text);
    if (!isObject(value)) return undefined;
    const { at = '', waitSeconds = DRAIN_WAIT_SECONDS, message, bootId } = value;
    const isGood = typeof at === 'string' && isWhole(waitSeconds, 0, 3_600) && (message === undefined || isMessage(message)) && (bootId === undefined || typeof bootId === 'string');
    return isGood ? { at, waitSeconds, ...(message !== undefined && { message }), ...(bootId !== undefined && { bootId }) } : undefined;
  },
};

/** Of a session: on a BGPPeer, and as the default of all sessions on BGPConfiguration `default`. */
export const SESSION_ANNOTATIONS = {
  'maximum-prefixes': whole(1, MAX_U32),
  'maximum-prefixes-warning-percent': whole(1, 100),
  'maximum-prefixes-action': word('close', 'warn'),
  'maximum-prefixes-restart': seconds(1, 86_400),
  'as-override': yesNo,
  'remove-private-as': yesNo,
  'default-originate': families,
  role: word<BgpRole>('provider', 'route-server', 'route-server-client', 'customer', 'peer'),
  'role-strict': yesNo,
  'add-path': addPath,
  'extended-next-hop': yesNo,
  'extended-messages': yesNo,
  'graceful-restart-notification': yesNo,
  'long-lived-stale-time': seconds(0, 16_777_215, '; 0: off'),
  'graceful-shutdown': yesNo,
  'hold-time': holdTime,
  'failure-detection-mode': word('None', 'BFDIfDirectlyConnected'),
  'bfd-hops': word('auto', 'direct-only', 'multihop', 'off'),
  'bfd-transmit-interval': milliseconds(10, 60_000),
  'bfd-receive-interval': milliseconds(10, 60_000),
  'bfd-multiplier': whole(1, 255),
} as const;

export const PEER_ANNOTATIONS = {
  ...SESSION_ANNOTATIONS,
  'remote-as': word('external', 'internal'),
  interface: interfaceName,
  'peer-prefix': peerPrefix,
  'maximum-peers': whole(1, 65_535),
} as const;

export const CONFIGURATION_ANNOTATIONS = {
  ...SESSION_ANNOTATIONS,
  guards,
  'allow-martians': prefixes,
  'bmp-stations': bmpStations,
} as const;

export const NODE_ACTIONS = {
  'bgp-shutdown': shutdowns,
  'bgp-clear': clearRequest,
  drain: drainRequest,
  'graceful-shutdown': yesNo,
} as const;

type Table = Readonly<Record<string, Row<unknown>>>;
/** What annotations say, by their names without the prefix. Absent: not annotated, or badly. */
export type ReadAnnotations<T extends Table> = { readonly [K in keyof T]?: T[K] extends Row<infer V> ? V : never };
export type SessionAnnotations = ReadAnnotations<typeof SESSION_ANNOTATIONS>;
export type PeerAnnotations = ReadAnnotations<typeof PEER_ANNOTATIONS>;
export type ConfigurationAnnotations = ReadAnnotations<typeof CONFIGURATION_ANNOTATIONS>;

/** Where a problem with an annotation of ours is: `BGPPeer/tor.metadata.annotations["tortie.io/role"]`. */
export const annotationPath = (object: string, name: string): string => `${object}.metadata.annotations["${ANNOTATION_PREFIX}${name}"]`;

/** Reads those of ours; `object` is its path. A bad one is a problem and otherwise not there; empty text is none. Never throws. */
export function readAnnotations<T extends Table>(table: T, annotations: Readonly<Record<string, string>> | undefined, object: string, problems: Problem[]): ReadAnnotations<T> {
  const found: [string, unknown][] = [];
  for (const [key, text] of Object.entries(annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!key.startsWith(ANNOTATION_PREFIX)) continue;
    const name = key.slice(ANNOTATION_PREFIX.length);
    const path = annotationPath(object, name);
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    if (row === undefined) {
      problems.push({ path, message: `there is no such annotation here: expected one of ${Object.keys(table).join(', ')}` });
    } else if (text !== '') {
      const value = row.read(text.trim());
      if (value === undefined) problems.push({ path, message: unlike(text, 'its value', row.expected) });
      else found.push([name, value]);
    }
  }
  return Object.fromEntries(found) as ReadAnnotations<T>;
}

const isWhole = (value: unknown, minimum: number, maximum: number): value is number => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;

const isMessage = (value: unknown): value is string => typeof value === 'string' && new TextEncoder().encode(value).length <= MAXIMUM_SHUTDOWN_MESSAGE;

/** The list in a list, or nothing when one of it is undefined. */
const allOf = <T>(list: readonly (T | undefined)[]): [] | [readonly T[]] => (list.every((v) => v !== undefined) ? [list] : []);

function jsonOf(text: string): unknown {
  try { return JSON.parse(text) as unknown; } catch { return undefined; }
}

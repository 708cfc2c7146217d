/** One BGP session as a PeerConfig: names as Calico's, and the numbers every session shares. */
import { familyOf, type Family, type Ip } from '../../lib/ip/prefix.ts';
import { showIp } from '../../lib/ip/text.ts';
import { secondsOf } from '../schema/scalars.ts';
import type { PeerConfig, PeerTemplate, RemoteAs } from '../messages/speaker-config.ts';
import { EXPORT_FILTER } from './filters.ts';
import type { LocalNode } from './local-node.ts';

/**
 * Offered hold time. BIRD, and so Calico, offers 240 s, and the smaller of both counts: a dead node leaves the routing
 * after at most 90 s (the default of RFC 4271 §10).
 */
export const HOLD_TIME_SECONDS = 90;
/** Seconds between attempts to connect, as Calico's BIRD. */
const CONNECT_RETRY_SECONDS = 5;
/** The most that RFC 4724's 12 bits hold. */
const MAX_RESTART_SECONDS = 4095;
const MAX_HOLD_SECONDS = 65535;

export interface SessionOptions {
  readonly origin: 'mesh' | 'node' | 'global';
  readonly address: Ip;
  readonly port: number;
  /** The port stands in the name, as it does in Calico's when it is not the default. */
  readonly portInName: boolean;
  readonly asn: RemoteAs;
  readonly localAsn?: number | undefined;
  /** False: the kernel chooses our address. */
  readonly useNodeAddress?: boolean;
  /** A Go duration. */
  readonly restartTime?: string | undefined;
  readonly keepaliveTime?: string | undefined;
  /** What goes over the settings that every session has. */
  readonly settings: Partial<PeerTemplate>;
  /** A pod of this node: it dials us at an address of its own link. */
  readonly isWorkload?: boolean;
}

export const PREFIX = { mesh: 'Mesh', node: 'Node', global: 'Global' } as const;

/** `Mesh_10_0_0_2`, `Global_fd00__1_port_1790`. */
const sessionName = (prefix: string, address: string, port: number | undefined): string =>
  `${prefix}_${address.replace(/[.:]/g, '_')}${port === undefined ? '' : `_port_${port}`}`;

/** A v4 neighbour carries IPv4 routes and a v6 one IPv6 routes, as with Calico's two daemons. */
export function sessionOf(local: LocalNode, options: SessionOptions): PeerConfig {
  const family = familyOf(options.address);
  const address = showIp(options.address);
  const source = options.useNodeAddress === false || options.isWorkload === true ? undefined : local.addresses[family];
  return {
    name: sessionName(options.isWorkload === true ? 'Local_Workload' : PREFIX[options.origin], address, options.portInName ? options.port : undefined),
    address,
    ...templateOf(local, options, [family]),
    ...(source === undefined ? {} : { sourceAddress: source }),
    passive: options.isWorkload === true,
    ...(options.isWorkload === true && { behindUs: true }),
    ...options.settings,
  };
}

/** Everything but the neighbour's address. */
export function templateOf(local: LocalNode, options: Omit<SessionOptions, 'address' | 'portInName'>, families: readonly Family[]): PeerTemplate {
  const keepalive = wholeSeconds(options.keepaliveTime, 1, Math.floor(MAX_HOLD_SECONDS / 3));
  const restart = wholeSeconds(options.restartTime, 0, MAX_RESTART_SECONDS);
  return {
    origin: options.origin,
    port: options.port,
    asn: options.asn,
    ...(options.localAsn === undefined || options.localAsn === local.asn ? {} : { localAsn: options.localAsn }),
    passive: false,
    families,
    holdTimeSeconds: Math.max(HOLD_TIME_SECONDS, 3 * (keepalive ?? 0)),
    ...(keepalive === undefined ? {} : { keepaliveSeconds: keepalive }),
    connectRetrySeconds: CONNECT_RETRY_SECONDS,
    ...(restart === undefined ? {} : { restartTimeSeconds: restart }),
    gracefulRestart: true,
    nextHop: 'auto',
    allowLocalAs: 0,
    importFilters: [],
    exportFilters: [EXPORT_FILTER],
    addPath: { send: true, receive: true },
    ...options.settings,
  };
}

function wholeSeconds(duration: string | undefined, minimum: number, maximum: number): number | undefined {
  const seconds = duration === undefined || duration === '' ? undefined : secondsOf(duration);
  return seconds === undefined ? undefined : Math.min(maximum, Math.max(minimum, Math.round(seconds)));
}

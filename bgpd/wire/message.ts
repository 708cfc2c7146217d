/** The five BGP messages as values: what the codec makes of bytes and the rest of bgpd works with. */
import type { BgpRole } from '../../config/messages/speaker-config.ts';
import type { Family, Ip, Prefix4, Prefix6 } from '../../lib/ip/prefix.ts';

export type Message = OpenMessage | UpdateMessage | NotificationMessage | KeepaliveMessage | RouteRefreshMessage;

/** RFC 4271 §4.2. */
export interface OpenMessage {
  readonly type: 'open';
  readonly version: number;
  /** The real AS number: from the 4-octet AS capability when there is one (RFC 6793). */
  readonly asn: number;
  /** Seconds: 0 or 3..65535. */
  readonly holdTimeSeconds: number;
  /** BGP identifier, unsigned 32-bit. */
  readonly routerId: number;
  readonly capabilities: Capabilities;
}

/** Capabilities of RFC 5492 that we know, and the raw rest. */
export interface Capabilities {
  /** RFC 4760. Empty: none was sent, which means IPv4 unicast alone. */
  readonly families: readonly Family[];
  /** RFC 6793: true when the capability was there. */
  readonly fourOctetAs: boolean;
  /** RFC 2918. */
  readonly routeRefresh: boolean;
  /** RFC 7313. */
  readonly enhancedRouteRefresh: boolean;
  /** RFC 8654: messages of up to 65,535 octets. */
  readonly extendedMessages: boolean;
  /** RFC 8950: IPv4 unicast routes may have IPv6 next hops. */
  readonly extendedNextHop: boolean;
  /** RFC 7911: what the sender of the OPEN is able to do. Empty: none was sent. */
  readonly addPath: readonly { readonly family: Family; readonly send: boolean; readonly receive: boolean }[];
  /** RFC 9234. */
  readonly role?: BgpRole;
  /** RFC 4724. */
  readonly gracefulRestart?: GracefulRestartCapability;
  /** RFC 9494; of no meaning without `gracefulRestart`. */
  readonly longLived?: readonly LongLivedFamily[];
  /** Others, for status and for later. */
  readonly unknown: readonly { readonly code: number; readonly value: Uint8Array }[];
}

export interface GracefulRestartCapability {
  /** R bit: the sender has restarted. */
  readonly restarted: boolean;
  /** N bit (RFC 8538): also after a NOTIFICATION. */
  readonly notification: boolean;
  /** 0..4095. */
  readonly restartTimeSeconds: number;
  readonly families: readonly { readonly family: Family; /** F bit. */ readonly forwardingPreserved: boolean }[];
}

export interface LongLivedFamily {
  readonly family: Family;
  /** F bit. */
  readonly forwardingPreserved: boolean;
  /** 0..16777215. */
  readonly staleSeconds: number;
}

/** RFC 4271 §4.3 with RFC 4760; one value for the message and what RFC 7606 makes of its faults. */
export interface UpdateMessage {
  readonly type: 'update';
  /** Interned: equal attribute blocks are the same object. Undefined when there are no attributes. */
  readonly attributes: PathAttributes | undefined;
  /** IPv4 prefixes withdrawn and announced, from the classic fields and from MP attributes alike. */
  readonly withdrawn4: readonly Prefix4[];
  readonly announced4: readonly Prefix4[];
  readonly withdrawn6: readonly Prefix6[];
  readonly announced6: readonly Prefix6[];
  /** Path identifiers, one for each prefix of the list of that name; undefined: ADD-PATH is not spoken (RFC 7911 §3). */
  readonly withdrawnIds4?: readonly number[];
  readonly announcedIds4?: readonly number[];
  readonly withdrawnIds6?: readonly number[];
  readonly announcedIds6?: readonly number[];
  /** Next hop of `announced4`: the NEXT_HOP attribute's, or that of MP_REACH_NLRI. Undefined when nothing is announced. */
  readonly nextHop4: NextHop | undefined;
  readonly nextHop6: NextHop | undefined;
  /** End-of-RIB marker of this family (RFC 4724 §2); nothing else is in the message then. */
  readonly endOfRib: Family | undefined;
  /** RFC 7606: `withdraw` means that everything announced is to be treated as withdrawn. */
  readonly outcome: 'ok' | 'withdraw';
  /** Attributes discarded and other things worth a log line; empty on a clean message. */
  readonly faults: readonly string[];
}

export interface NextHop {
  readonly address: Ip;
  /** Second, link-local, address of an IPv6 next hop (RFC 2545 §3). */
  readonly linkLocal?: Ip;
}

/**
 * The path attributes of a route, without its next hop and NLRI. Immutable, interned: compare by identity.
 * Next hops are not part of it, because MP_REACH_NLRI carries its own; the RIB interns the pair.
 */
export interface PathAttributes {
  readonly origin: 0 | 1 | 2;
  readonly asPath: readonly AsPathSegment[];
  /** RFC 4271 §9.1.2.2 a: an AS_SET counts as 1. */
  readonly asPathLength: number;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly atomicAggregate: boolean;
  readonly aggregator: { readonly asn: number; readonly address: number } | undefined;
  /** RFC 1997, unsigned 32-bit each. */
  readonly communities: readonly number[];
  /** RFC 4360, unsigned 64-bit each. */
  readonly extendedCommunities: readonly bigint[];
  /** RFC 8092. */
  readonly largeCommunities: readonly LargeCommunity[];
  /** Only to Customer (RFC 9234): the AS number that said so. */
  readonly otc: number | undefined;
  /** RFC 4456. */
  readonly originatorId: number | undefined;
  readonly clusterList: readonly number[];
  /** Optional transitive attributes that we do not know, passed on with the Partial bit (RFC 4271 §5). */
  readonly unknown: readonly { readonly flags: number; readonly code: number; readonly value: Uint8Array }[];
}

/** Three unsigned 32-bit numbers. */
export type LargeCommunity = readonly [globalAdministrator: number, data1: number, data2: number];

export interface AsPathSegment {
  readonly type: 'set' | 'sequence' | 'confed-sequence' | 'confed-set';
  readonly asns: readonly number[];
}

/** RFC 4271 §4.5. */
export interface NotificationMessage {
  readonly type: 'notification';
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

export interface KeepaliveMessage { readonly type: 'keepalive' }

/** RFC 2918. */
export interface RouteRefreshMessage {
  readonly type: 'route-refresh';
  /** Undefined: an AFI/SAFI that we do not know, to be ignored (RFC 2918 §4). */
  readonly family: Family | undefined;
  /** `begin` and `end` mark the routes sent again (RFC 7313 §3.2); undefined: a subtype that we do not know, to be ignored. */
  readonly subtype: 'request' | 'begin' | 'end' | undefined;
}

/** What a codec must know about the session, once it is negotiated. */
export interface WireContext {
  /** Both sides sent the 4-octet AS capability: AS numbers in AS_PATH are four octets. */
  readonly fourOctetAs: boolean;
  /** Different AS numbers: LOCAL_PREF is not expected (RFC 7606 §7.5). */
  readonly external: boolean;
  /** ADD-PATH: prefixes that we read carry path identifiers, and prefixes that we write. */
  readonly addPathIn: Readonly<Record<Family, boolean>>;
  readonly addPathOut: Readonly<Record<Family, boolean>>;
  /** Both sides sent the capability of RFC 8950. */
  readonly extendedNextHop: boolean;
  /** 4,096, or 65,535 when both sides sent the capability of RFC 8654. */
  readonly maximumBytes: number;
}

/** Assigned numbers of BGP, each with the document that assigns it. */

/** RFC 4271 §4.2. */
export const BGP_VERSION = 4;
/** RFC 4271 §4.1: marker, length, type. */
export const MARKER_LENGTH = 16;
export const HEADER_LENGTH = 19;
/** RFC 4271 §4.1; RFC 8654 §3: when both sides offer extended messages. */
export const MAX_MESSAGE_LENGTH = 4096;
export const EXTENDED_MESSAGE_LENGTH = 0xffff;

/** RFC 4271 §4.1; ROUTE-REFRESH: RFC 2918 §3. */
export const MESSAGE_TYPE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

/**
 * Smallest length of each type, header included (RFC 4271 §6.1). That of a ROUTE-REFRESH is its own error (RFC 7313 §5), which
 * its reader raises.
 */
export const MIN_LENGTH_OF_TYPE: Readonly<Record<number, number>> = { 1: 29, 2: 23, 3: 21, 4: 19, 5: 19 };

/** RFC 6793 §3: stands in two octets for an AS number that needs four. */
export const AS_TRANS = 23456;

/** RFC 4760 §8, RFC 2858: the families of `lib/ip`, both as unicast. */
export const AFI = { ipv4: 1, ipv6: 2 } as const;
export const SAFI_UNICAST = 1;

/** NOTIFICATION error codes: RFC 4271 §4.5; ROUTE-REFRESH: RFC 7313 §5. */
export const ERROR = {
  header: 1, open: 2, update: 3, holdTimerExpired: 4, fsm: 5, cease: 6, routeRefresh: 7,
} as const;

/** RFC 4271 §6.1. */
export const HEADER_ERROR = { unspecific: 0, notSynchronized: 1, badLength: 2, badType: 3 } as const;

/** RFC 4271 §6.2; unsupported capability: RFC 5492 §5; role mismatch: RFC 9234 §4.2. */
export const OPEN_ERROR = {
  unspecific: 0, unsupportedVersion: 1, badPeerAs: 2, badBgpIdentifier: 3, unsupportedParameter: 4,
  authenticationFailure: 5, unacceptableHoldTime: 6, unsupportedCapability: 7, roleMismatch: 11,
} as const;

/** RFC 4271 §6.3. */
export const UPDATE_ERROR = {
  unspecific: 0, malformedAttributeList: 1, unrecognizedWellKnown: 2, missingWellKnown: 3, attributeFlags: 4,
  attributeLength: 5, invalidOrigin: 6, routingLoop: 7, invalidNextHop: 8, optionalAttribute: 9,
  invalidNetworkField: 10, malformedAsPath: 11,
} as const;

/** RFC 6608 §3. */
export const FSM_ERROR = { unspecific: 0, inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** RFC 4486 §3; hard reset: RFC 8538 §3; BFD down: RFC 9384 §3. */
export const CEASE = {
  unspecific: 0, maximumPrefixes: 1, administrativeShutdown: 2, peerDeconfigured: 3, administrativeReset: 4,
  connectionRejected: 5, otherConfigurationChange: 6, connectionCollision: 7, outOfResources: 8, hardReset: 9, bfdDown: 10,
} as const;

/** RFC 7313 §5. */
export const ROUTE_REFRESH_ERROR = { unspecific: 0, invalidLength: 1 } as const;

/** RFC 7313 §3.2, in the order of their numbers. */
export const ROUTE_REFRESH_SUBTYPES = ['request', 'begin', 'end'] as const;

/** RFC 5492 §4; 255 with type 255 behind it: RFC 9072 §2. */
export const PARAMETER = { capabilities: 2, extendedLength: 255 } as const;

/**
 * Multiprotocol RFC 4760 §8, route refresh RFC 2918 §2, extended next hop RFC 8950 §4, extended messages RFC 8654 §3,
 * role RFC 9234 §4.1, graceful restart RFC 4724 §3, 4-octet AS RFC 6793 §3, ADD-PATH RFC 7911 §4,
 * enhanced route refresh RFC 7313 §3.1, long-lived graceful restart RFC 9494 §3.1.
 */
export const CAPABILITY = {
  multiprotocol: 1, routeRefresh: 2, extendedNextHop: 5, extendedMessages: 6, role: 9, gracefulRestart: 64, fourOctetAs: 65,
  addPath: 69, enhancedRouteRefresh: 70, longLived: 71,
} as const;

/** RFC 7911 §4. */
export const ADD_PATH = { receive: 1, send: 2 } as const;

/** RFC 9234 §4.1, in the order of their numbers. */
export const ROLES = ['provider', 'route-server', 'route-server-client', 'customer', 'peer'] as const;

/** RFC 4724 §3, RFC 8538 §2: bits of the restart flags (in 16 bits with the time) and of each family's flags. */
export const RESTART_STATE_BIT = 0x8000;
export const RESTART_NOTIFICATION_BIT = 0x4000;
export const RESTART_TIME_MASK = 0x0fff;
export const FORWARDING_STATE_BIT = 0x80;

/** RFC 4271 §4.3: attribute flags. */
export const ATTRIBUTE_FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

/** RFC 4271 §5.1; RFC 1997 (8), RFC 4456 (9, 10), RFC 4760 (14, 15), RFC 4360 (16), RFC 6793 (17, 18), RFC 8092 (32), RFC 9234 (35). */
export const ATTRIBUTE = {
  origin: 1, asPath: 2, nextHop: 3, med: 4, localPref: 5, atomicAggregate: 6, aggregator: 7, communities: 8,
  originatorId: 9, clusterList: 10, mpReach: 14, mpUnreach: 15, extendedCommunities: 16, as4Path: 17, as4Aggregator: 18,
  largeCommunities: 32, otc: 35,
} as const;

/**
 * Attributes that we do not know but know to be non-transitive: traffic engineering (RFC 5543), AIGP (RFC 7311), BGP-LS
 * (RFC 9552), BGPsec_PATH (RFC 8205). Whatever their flags say, they end here.
 */
export const NON_TRANSITIVE_ATTRIBUTES: ReadonlySet<number> = new Set([24, 26, 29, 33]);

/** RFC 4271 §4.3; confederation segments: RFC 5065 §3. */
export const AS_PATH_SEGMENT = { set: 1, sequence: 2, confedSequence: 3, confedSet: 4 } as const;

/** RFC 1997, RFC 8326 (graceful shutdown), RFC 7999 (blackhole), RFC 9494 (long-lived stale). */
export const COMMUNITY = {
  gracefulShutdown: 0xffff0000, llgrStale: 0xffff0006, noLlgr: 0xffff0007, blackhole: 0xffff029a,
  noExport: 0xffffff01, noAdvertise: 0xffffff02, noExportSubconfed: 0xffffff03, noPeer: 0xffffff04,
} as const;

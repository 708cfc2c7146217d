/** Assigned numbers of BFD (RFC 5880 §4.1, RFC 5881 §4, RFC 5883 §5). */
import type { BfdState } from '../../config/messages/bfd-control.ts';

export const BFD_VERSION = 1;
/** Octets of a control packet without authentication. */
export const CONTROL_PACKET_OCTETS = 24;
/** The same, with the shortest authentication section. */
export const AUTHENTICATED_OCTETS = 26;

export const SINGLE_HOP_PORT = 3784;
export const MULTIHOP_PORT = 4784;
/** Source ports of sessions. */
export const FIRST_SOURCE_PORT = 49_152;
export const LAST_SOURCE_PORT = 65_535;
/** TTL or hop limit of what we send; what comes over one hop must have it too (RFC 5881 §5, GTSM). */
export const FULL_TTL = 255;

/** In the order of their numbers. */
export const STATES = ['AdminDown', 'Down', 'Init', 'Up'] as const satisfies readonly BfdState[];

export const DIAGNOSTIC = {
  none: 0, detectionTimeExpired: 1, echoFailed: 2, neighborSignaledDown: 3, forwardingPlaneReset: 4, pathDown: 5,
  concatenatedPathDown: 6, administrativelyDown: 7, reverseConcatenatedPathDown: 8,
} as const;

const DIAGNOSTIC_WORDS = [
  'no diagnostic', 'control detection time expired', 'echo function failed', 'neighbor signaled session down', 'forwarding plane reset',
  'path down', 'concatenated path down', 'administratively down', 'reverse concatenated path down',
];

/** `diagnostic 30` where the RFC has no words. */
export const diagnosticText = (code: number): string => DIAGNOSTIC_WORDS[code] ?? `diagnostic ${code}`;

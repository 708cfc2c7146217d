/** What a codec assumes before anything is negotiated, and contexts that differ from it. */
import { MAX_MESSAGE_LENGTH } from './constants.ts';
import type { Capabilities, WireContext } from './message.ts';

const NO_FAMILY = Object.freeze({ ipv4: false, ipv6: false });

/** An internal session that agreed on four-octet AS numbers, unless `some` says otherwise, and on nothing else. */
export const wireContext = (some: Partial<WireContext> = {}): WireContext => ({
  fourOctetAs: true, external: false, addPathIn: NO_FAMILY, addPathOut: NO_FAMILY, extendedNextHop: false,
  maximumBytes: MAX_MESSAGE_LENGTH, ...some,
});

/** Nothing, except what `some` says. */
export const capabilitiesWith = (some: Partial<Capabilities> = {}): Capabilities => ({
  families: [], fourOctetAs: false, routeRefresh: false, enhancedRouteRefresh: false, extendedMessages: false,
  extendedNextHop: false, addPath: [], unknown: [], ...some,
});

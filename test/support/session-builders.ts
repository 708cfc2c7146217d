/** Wire contexts, capabilities, OPEN messages and negotiated sessions for tests: each field stands here once, with its default. */
import type { Negotiated } from '../../bgpd/session/negotiated.ts';
import type { SessionSettings } from '../../bgpd/session/settings.ts';
import { capabilitiesWith, wireContext } from '../../bgpd/wire/context.ts';
import type { Capabilities, GracefulRestartCapability, OpenMessage, WireContext } from '../../bgpd/wire/message.ts';

export { wireContext };

/** Both families, four-octet AS numbers and route refresh. */
export const capabilities = (some: Partial<Capabilities> = {}): Capabilities =>
  capabilitiesWith({ families: ['ipv4', 'ipv6'], fourOctetAs: true, routeRefresh: true, ...some });

/** A speaker that keeps IPv4 forwarding state for 120 seconds and has not restarted. */
export const restartCapability = (some: Partial<GracefulRestartCapability> = {}): GracefulRestartCapability => ({
  restarted: false, notification: false, restartTimeSeconds: 120, families: [{ family: 'ipv4', forwardingPreserved: true }], ...some,
});

export const openMessage = ({ capabilities: c, ...some }: Partial<Omit<OpenMessage, 'capabilities'>> & { readonly capabilities?: Partial<Capabilities> } = {}): OpenMessage =>
  ({ type: 'open', version: 4, asn: 64512, holdTimeSeconds: 90, routerId: 0xc0000201, ...some, capabilities: capabilities(c) });

/** A session that is external when the AS numbers differ, unless `wire` says otherwise. */
export function negotiated({ wire, ...some }: Partial<Omit<Negotiated, 'wire'>> & { readonly wire?: Partial<WireContext> } = {}): Negotiated {
  const { peerAsn = 64513, localAsn = 64512 } = some;
  const external = peerAsn !== localAsn;
  return {
    peerAsn, localAsn, external, peerRouterId: 1, holdTimeSeconds: 90, keepaliveSeconds: 30, families: ['ipv4'],
    routeRefresh: true, enhancedRouteRefresh: false, notificationRestart: false, longLived: undefined, role: undefined,
    capabilities: { local: capabilities(), remote: capabilities() }, gracefulRestart: undefined, ...some,
    wire: wireContext({ external, ...wire }),
  };
}

/** IPv4 with a hold time of 90 and graceful restart of 120 seconds, and nothing else that is optional. */
export const sessionSettings = (some: Partial<SessionSettings> = {}): SessionSettings => ({
  localAsn: 64512, peerAsn: 64513, routerId: 0xc0000201, families: ['ipv4'], holdTimeSeconds: 90, keepaliveSeconds: undefined,
  connectRetrySeconds: 120, passive: false, restartTimeSeconds: 120, notificationRestart: false, longLivedStaleSeconds: undefined,
  addPath: undefined, extendedNextHop: false, extendedMessages: false, role: undefined, ...some,
});

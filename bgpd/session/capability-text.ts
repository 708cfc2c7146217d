/** Capabilities of an OPEN in words, one line each, for people. */
import type { Capabilities, GracefulRestartCapability, LongLivedFamily } from '../wire/message.ts';

export function describeCapabilities(c: Capabilities): string[] {
  const lines: (string | false | undefined)[] = [
    c.families.length > 0 && `address families: ${c.families.join(', ')}`,
    c.fourOctetAs && '4-octet AS numbers',
    c.routeRefresh && 'route refresh',
    c.enhancedRouteRefresh && 'enhanced route refresh',
    c.extendedMessages && 'extended messages',
    c.extendedNextHop && 'IPv6 next hops for ipv4',
    c.addPath.length > 0 && `add path: ${c.addPath.map(({ family, send, receive }) => `${family} ${directions(send, receive)}`).join(', ')}`,
    c.role && `role: ${c.role}`,
    c.gracefulRestart && describeRestart(c.gracefulRestart),
    c.longLived && `long-lived graceful restart: ${c.longLived.map(describeLongLived).join(', ') || 'no family'}`,
    ...c.unknown.map(describeUnknown),
  ];
  return lines.filter((line) => typeof line === 'string');
}

/** Codes of the registry that we have no use for and FRR sends: cisco's route refresh, and the name of the host (draft-walton-bgp-hostname-capability). */
const [OLD_ROUTE_REFRESH, HOST_NAME] = [128, 73];

function describeUnknown({ code, value }: Capabilities['unknown'][number]): string {
  if (code === OLD_ROUTE_REFRESH) return 'route refresh (before RFC 2918)';
  const name = Buffer.from(value.subarray(1, 1 + (value[0] ?? 0))).toString('latin1');
  if (code === HOST_NAME && /^[\w.-]+$/.test(name)) return `host name: ${name}`;
  return `capability ${code}${value.length > 0 ? `: ${Buffer.from(value).toString('hex')}` : ''}`;
}

const directions = (send: boolean, receive: boolean): string =>
  [send && 'send', receive && 'receive'].filter(Boolean).join(' and ') || 'neither';

/** `graceful restart: 120 s, restarted, ipv4 (forwarding preserved), ipv6`. */
function describeRestart({ restarted, notification, restartTimeSeconds, families }: GracefulRestartCapability): string {
  const parts = [`${restartTimeSeconds} s`, restarted && 'restarted', notification && 'also after a NOTIFICATION', ...families.map(describeFamily)];
  return `graceful restart: ${parts.filter(Boolean).join(', ')}`;
}

const describeFamily = ({ family, forwardingPreserved }: GracefulRestartCapability['families'][number]): string =>
  `${family}${forwardingPreserved ? ' (forwarding preserved)' : ''}`;

const describeLongLived = (family: LongLivedFamily): string => `${family.staleSeconds} s ${describeFamily(family)}`;

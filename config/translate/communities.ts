/** `prefixAdvertisements`: communities that routes within a prefix go out with. */
import type { Problem } from '../../lib/errors.ts';
import { unlike } from '../schema/schema.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { FilterRule } from '../messages/speaker-config.ts';
import { insideText } from './prefix-matches.ts';

type Settings = Partial<BGPConfiguration['spec']>;

/** Those of `node.NAME` take the place of those of `default`, as with Calico; every one whose prefix holds the route counts. */
export function communityRules(settings: Settings, ownSettings: Settings, node: string, problems: Problem[]): FilterRule[] {
  const isOwn = ownSettings.prefixAdvertisements !== undefined;
  const path = `BGPConfiguration/${isOwn ? `node.${node}` : 'default'}.spec.prefixAdvertisements`;
  const named = new Map([settings, ownSettings].flatMap((s) => s.communities ?? []).map((c) => [c.name, c.value]));
  return ((isOwn ? ownSettings : settings).prefixAdvertisements ?? []).flatMap(({ cidr, communities = [] }, i): FilterRule[] => {
    const prefixes = insideText(cidr);
    const added = communities.map((text, j) => communityOf(text, named, `${path}[${i}].communities[${j}]`, problems)).filter((c) => c !== undefined);
    return prefixes.length === 0 || added.length === 0 ? [] : [{ prefixes, set: { addCommunities: [...new Set(added)] }, action: 'next' }];
  });
}

function communityOf(text: string, named: ReadonlyMap<string | undefined, string | undefined>, path: string, problems: Problem[]): string | undefined {
  const value = named.get(text) ?? text;
  if (isCommunity(value)) return value;
  problems.push({ path, message: unlike(text, 'a community', 'text like 64512:100 or 64512:1:2, or a name in communities; it is not added') });
  return undefined;
}

/** RFC 1997 with two 16-bit numbers, RFC 8092 with three 32-bit ones. */
function isCommunity(text: string): boolean {
  const parts = text.split(':');
  const maximum = parts.length === 2 ? 65_535 : 4_294_967_295;
  return (parts.length === 2 || parts.length === 3) && parts.every((p) => /^\d{1,10}$/.test(p) && Number(p) <= maximum);
}

/** What a filter rule changes on a route. */
import type { RouteChanges } from '../../config/messages/speaker-config.ts';
import { prependAs } from '../wire/attribute-changes.ts';
import { parseCommunity, parseLargeCommunity } from '../wire/community-text.ts';
import type { LargeCommunity, PathAttributes } from '../wire/message.ts';

/** The same attributes give the same object, and attributes that are so already give themselves. */
export type Changer = (attributes: PathAttributes) => PathAttributes;

/** Communities are removed before others are added: who names one in both wants it there. */
export function changerOf(changes: RouteChanges): Changer {
  const steps: Changer[] = [];
  const { removeCommunities, addCommunities, prependAsns, localPref, med } = changes;
  if (removeCommunities !== undefined) steps.push(remover(listOf(removeCommunities)));
  if (addCommunities !== undefined) steps.push(adder(listOf(addCommunities)));
  if (prependAsns !== undefined && prependAsns.length > 0) steps.push((a) => prependAsns.reduceRight((b, asn) => prependAs(b, asn), a));
  if (localPref !== undefined) steps.push((a) => (a.localPref === localPref ? a : { ...a, localPref }));
  if (med !== undefined) steps.push((a) => (a.med === med ? a : { ...a, med }));
  return remembering((attributes) => steps.reduce((changed, step) => step(changed), attributes));
}

/** Remembers what became of attributes for as long as somebody else keeps them. */
export function remembering(change: Changer): Changer {
  const known = new WeakMap<PathAttributes, PathAttributes>();
  return (attributes) => {
    let changed = known.get(attributes);
    if (changed === undefined) known.set(attributes, changed = change(attributes));
    return changed;
  };
}

interface Communities { readonly standard: readonly number[]; readonly large: readonly LargeCommunity[] }

const listOf = (texts: readonly string[]): Communities => ({
  standard: texts.map(parseCommunity).filter((c) => c !== undefined),
  large: texts.map(parseLargeCommunity).filter((c) => c !== undefined),
});

const isSame = (a: LargeCommunity, b: LargeCommunity): boolean => a.every((part, i) => part === b[i]);

function remover({ standard, large }: Communities): Changer {
  return (attributes) => {
    const communities = attributes.communities.filter((c) => !standard.includes(c));
    const largeCommunities = attributes.largeCommunities.filter((c) => !large.some((l) => isSame(l, c)));
    return withLists(attributes, communities, largeCommunities);
  };
}

function adder({ standard, large }: Communities): Changer {
  return (attributes) => {
    const { communities, largeCommunities } = attributes;
    const missing = standard.filter((c, i) => !communities.includes(c) && standard.indexOf(c) === i);
    const missingLarge = large.filter((l, i) => !largeCommunities.some((c) => isSame(c, l)) && large.findIndex((c) => isSame(c, l)) === i);
    return withLists(attributes, [...communities, ...missing], [...largeCommunities, ...missingLarge]);
  };
}

/** Nothing but removing or adding makes the lists differ, so that their lengths tell. */
function withLists(attributes: PathAttributes, communities: readonly number[], largeCommunities: readonly LargeCommunity[]): PathAttributes {
  const isUnchanged = communities.length === attributes.communities.length && largeCommunities.length === attributes.largeCommunities.length;
  return isUnchanged ? attributes : { ...attributes, communities, largeCommunities };
}

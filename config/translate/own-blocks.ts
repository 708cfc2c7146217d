/** The blocks that a node announces as its own: those whose affinity is confirmed. */
import { bitsOf, comparePrefixes, familyOf, lengthOf, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import type { BGPConfiguration } from '../kinds/bgp-configuration.ts';
import type { OriginateSection } from '../messages/speaker-config.ts';
import type { BlockAffinity } from '../kinds/ipam.ts';
import { normalLocalPref } from './priorities.ts';

/**
 * Confirmed blocks of `node` in numeric order. A pending block may turn out to be another node's, so it is not announced;
 * empty is what old releases wrote for confirmed.
 */
export function ownBlocks(affinities: Iterable<BlockAffinity>, node: string): readonly Prefix[] {
  const blocks = new Set<Prefix>();
  for (const { spec } of affinities) {
    const isOwn = spec.node === node && (spec.type ?? 'host') === 'host' && !spec.deleted;
    const block = isOwn && (spec.state === 'confirmed' || spec.state === '') ? parsePrefix(spec.cidr) : undefined;
    if (block !== undefined) blocks.add(block);
  }
  return [...blocks].sort(comparePrefixes);
}

/** A block of one address needs no blackhole: the pod's own route is as long. */
export const originateOf = (blocks: readonly Prefix[], settings: Partial<BGPConfiguration['spec']>): OriginateSection => ({
  routes: blocks.map((block) => ({ prefix: showPrefix(block), blackhole: lengthOf(block) < bitsOf(familyOf(block)), localPref: normalLocalPref(settings, familyOf(block)) })),
});

/** Prefixes as filter rules name them. */
import { bitsOf, familyOf, type Family, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import type { FilterRule, PrefixMatch } from '../messages/speaker-config.ts';

/** The prefix itself and nothing else. */
export const exactly = (prefix: Prefix): PrefixMatch => ({ prefix: showPrefix(prefix) });

/** The prefix itself and everything in it. */
export const inside = (prefix: Prefix): PrefixMatch => ({ prefix: showPrefix(prefix), maxLength: bitsOf(familyOf(prefix)) });

/** As `inside`, of text; nothing when it is no prefix. */
export function insideText(cidr: string | undefined): PrefixMatch[] {
  const prefix = cidr === undefined ? undefined : parsePrefix(cidr);
  return prefix === undefined ? [] : [inside(prefix)];
}

/** Every route of a family. */
export const everything = (family: Family): PrefixMatch => (family === 'ipv4' ? { prefix: '0.0.0.0/0', maxLength: 32 } : { prefix: '::/0', maxLength: 128 });

/** One rule, or none where there is nothing to match: a rule that names nothing would match everything. */
export const ruleFor = (action: FilterRule['action'], prefixes: readonly PrefixMatch[], more: Partial<FilterRule> = {}): FilterRule[] =>
  (prefixes.length === 0 ? [] : [{ prefixes, ...more, action }]);

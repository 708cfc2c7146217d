/** Which of two resources that claim one thing has it: the older, so that a newcomer takes nothing that works. */
import type { Metadata } from '../kinds/kind.ts';

type Aged = { readonly metadata: Metadata };

/** Order for `sort`: by age, then by name; what has no age yet comes last. */
export const olderFirst = (a: Aged, b: Aged): number =>
  compare(a.metadata.creationTimestamp ?? '~', b.metadata.creationTimestamp ?? '~') || compare(a.metadata.name, b.metadata.name);

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

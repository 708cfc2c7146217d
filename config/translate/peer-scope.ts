/** Which nodes a BGPPeer is for. */
import { matches } from '../../lib/selector/ast.ts';
import { parseSelector } from '../../lib/selector/parse.ts';
import type { BGPPeer } from '../kinds/bgp-peer.ts';
import type { CalicoNode } from '../kinds/node.ts';

/** Calico treats empty text as absent. */
export const isSet = (text: string | undefined): text is string => text !== undefined && text !== '';

/** As much of a BGPPeer as is asked. */
type Scoped = Pick<BGPPeer, 'spec'>;

export const isGlobal = ({ spec }: Scoped): boolean => !isSet(spec.node) && !isSet(spec.nodeSelector);

/** The local side of a BGPPeer. */
export function isFor({ spec }: Scoped, node: CalicoNode): boolean {
  if (isSet(spec.node)) return spec.node === node.name;
  return !isSet(spec.nodeSelector) || selects(spec.nodeSelector, node);
}

export function selects(selector: string, node: CalicoNode): boolean {
  const parsed = parseSelector(selector);
  return parsed.ok && matches(parsed.selector, node.labels);
}

/** What is known of one prefix, from each side: what came in before and after import policy, the candidates, what goes out. */
import { obstacleTo } from '../wire/pack.ts';
import type { AdjRibOut } from './adj-rib-out.ts';
import type { Outbound } from './export.ts';
import type { ExplainedPath, LocRib, WhyRefused } from './loc-rib.ts';
import type { Member, PeerGroup } from './peer-group.ts';
import { receivedForm, type Route, type Source } from './route.ts';

/** What the views need of a family's rib. */
export interface ViewedRib { readonly loc: LocRib; readonly maximumPaths: number }

/** One path that came in; the route with the attributes of the view: as received, or as import policy left them. */
export interface SeenPath extends Omit<ExplainedPath, 'source' | 'pathId'> {
  /** As received (RFC 7911); undefined: none. */
  readonly pathId: number | undefined;
}

/** Whether a source has a path for the prefix; cheap. */
export const hasPathOf = ({ loc }: ViewedRib, source: Source, prefixId: number): boolean => loc.adjIn.countAt(prefixId, source) > 0;

/** All paths of the prefix, refused ones too, the best first; routes as import policy left them. */
export function candidates({ loc, maximumPaths }: ViewedRib, prefixId: number, whyRefused?: WhyRefused): SeenPath[] {
  return loc.explain(prefixId, maximumPaths, whyRefused).map(({ pathId, ...path }) => ({ ...path, pathId: pathId === 0 ? undefined : pathId }));
}

/** Adj-RIB-In before import policy (RFC 7854 §5): what a source has sent for the prefix, as it sent it. */
export const received = (rib: ViewedRib, source: Source, prefixId: number, whyRefused?: WhyRefused): SeenPath[] =>
  candidates(rib, prefixId, whyRefused).filter(({ route }) => route.source === source).map((path) => ({ ...path, route: receivedForm(path.route) }));

/** Adj-RIB-In after import policy: what of it was let in, as policy left it. */
export const accepted = (rib: ViewedRib, source: Source, prefixId: number): SeenPath[] =>
  candidates(rib, prefixId).filter(({ route, refused }) => route.source === source && !refused);

/** One route that a peer is sent, or is not. */
export interface AdvertisedPath {
  /** Where it comes from. */
  readonly route: Route;
  /** The path identifier that it goes out with (RFC 7911); undefined: none. */
  readonly pathId: number | undefined;
  /** As it is sent; undefined: it is not. */
  readonly outbound: Outbound | undefined;
  /** `sent`, `waits: the peer is behind`, or why it is not sent. */
  readonly reason: string;
}

/** Whether a peer is (to be) sent anything for the prefix; cheap. */
export const isAdvertised = (group: PeerGroup, { source }: Pick<Member, 'source'>, prefixId: number): boolean => group.out.holdsFor(source, prefixId);

/** What a peer is sent for the prefix, then what it is not, with the reason. */
export function advertised({ loc }: ViewedRib, group: PeerGroup, member: Member, prefixId: number): AdvertisedPath[] {
  const { out } = group;
  const sent: AdvertisedPath[] = [];
  const origins = new Set<Route>();
  const reason = member.pending?.has(prefixId) === true ? 'waits: the peer is behind' : 'sent';
  out.forEachFor(member.source, prefixId, (route, pathId) => {
    origins.add(receivedForm(route));
    const outbound = out.outbound(route);
    const obstacle = outbound === undefined ? 'its next hop cannot be named any more' : obstacleTo({ ...outbound, family: out.target.family, context: out.target.wire });
    sent.push({ route, pathId: out.isAddPath ? pathId : undefined, outbound: obstacle === undefined ? outbound : undefined, reason: obstacle ?? reason });
  });
  const best = loc.best(prefixId);
  const unsent = loc.candidates(prefixId).filter(({ route }) => !origins.has(receivedForm(route))).map(({ route }): AdvertisedPath =>
    ({ route, pathId: undefined, outbound: undefined, reason: whyUnsent(out, member.source, loc.table.prefixOf(prefixId), route, best) }));
  return [...sent, ...unsent];
}

function whyUnsent(out: AdjRibOut, peer: Source, prefix: Parameters<AdjRibOut['refusal']>[0], route: Route, best: Route | undefined): string {
  const kept = out.whyKept(route, peer);
  if (kept !== undefined) return kept;
  if (!out.isAddPath && route !== best) return 'not the best route';
  return out.refusal(prefix, route) ?? 'not selected yet';
}

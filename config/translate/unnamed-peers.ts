/** Neighbours that no address names: one at the other end of a link, or whoever dials us from a prefix. */
import type { Problem } from '../../lib/errors.ts';
import { familyOf } from '../../lib/ip/prefix.ts';
import { parsePrefix } from '../../lib/ip/text.ts';
import { DEFAULT_BGP_PORT } from '../kinds/bgp-configuration.ts';
import { annotationPath } from '../kinds/tortie-annotations.ts';
import type { DynamicPeers, PeerTemplate, RemoteAs, UnnumberedPeer } from '../messages/speaker-config.ts';
import { timesOf } from './bgp-peers.ts';
import type { LocalNode } from './local-node.ts';
import { isFor, isGlobal, isSet } from './peer-scope.ts';
import { peerSettings, remoteAsOf, type PeerResource } from './peer-settings.ts';
import { PREFIX, templateOf } from './session.ts';

/** Sessions from one prefix, unless it says how many. */
const MAXIMUM_PEERS = 100;

export interface UnnamedPeers { readonly dynamic: readonly DynamicPeers[]; readonly unnumbered: readonly UnnumberedPeer[] }

export function unnamedPeers(local: LocalNode, resources: readonly PeerResource[], problems: Problem[]): UnnamedPeers {
  const [dynamic, unnumbered] = [new Map<string, DynamicPeers>(), new Map<string, UnnumberedPeer>()];
  for (const resource of resources.filter((r) => isFor(r, local.node))) {
    const { annotations, path } = resource;
    const say = (name: string, message: string): void => { problems.push({ path: annotationPath(path, name), message }); };
    const [link, prefix] = [annotations.interface, annotations['peer-prefix']];
    if (prefix === undefined && annotations['maximum-peers'] !== undefined) say('maximum-peers', 'it says nothing alone: expected tortie.io/peer-prefix beside it');
    if (link === undefined && prefix === undefined) continue;
    const at = link === undefined ? 'peer-prefix' : 'interface';
    if (link !== undefined && prefix !== undefined) say('peer-prefix', 'a peer at the end of a link has no prefix: expected no tortie.io/interface beside it; the prefix is not used');
    if (isNamed(resource)) { say(at, 'the BGPPeer names its peers already: expected no peerIP, peerSelector or localWorkloadSelector beside it'); continue; }
    const asn = remoteAsOf(resource);
    if (asn === undefined) { problems.push({ path: `${path}.spec.asNumber`, message: 'missing: expected an AS number, or tortie.io/remote-as external or internal' }); continue; }
    const taken = link === undefined ? dynamic.has(prefix!) : unnumbered.has(link);
    if (taken) { say(at, `another BGPPeer has ${link ?? prefix} already: expected each once; this one is left out`); continue; }
    if (link !== undefined) addUnnumbered(local, resource, link, asn, unnumbered, problems);
    else addDynamic(local, resource, prefix!, asn, dynamic, problems);
  }
  return { dynamic: [...dynamic.values()], unnumbered: [...unnumbered.values()] };
}

const isNamed = ({ spec }: PeerResource): boolean => isSet(spec.peerIP) || isSet(spec.peerSelector) || isSet(spec.localWorkloadSelector);

const nameOf = (resource: PeerResource, neighbour: string): string => `${PREFIX[originOf(resource)]}_${neighbour.replace(/[.:/]/g, '_')}`;
const originOf = (resource: PeerResource): 'global' | 'node' => (isGlobal(resource) ? 'global' : 'node');

/** It carries both families over link-local addresses, unless it is told not to (RFC 8950). */
function addUnnumbered(local: LocalNode, resource: PeerResource, link: string, asn: RemoteAs, peers: Map<string, UnnumberedPeer>, problems: Problem[]): void {
  const both = { 'extended-next-hop': local.defaults['extended-next-hop'] ?? true, ...resource.annotations };
  const template = neighbourTemplate(local, { ...resource, annotations: both }, 'ipv6', asn, problems);
  if (template !== undefined) peers.set(link, { name: nameOf(resource, link), interface: link, template });
}

function addDynamic(local: LocalNode, resource: PeerResource, text: string, asn: RemoteAs, peers: Map<string, DynamicPeers>, problems: Problem[]): void {
  const family = familyOf(parsePrefix(text)!);
  const source = resource.spec.sourceAddress === 'None' ? undefined : local.addresses[family];
  const template = neighbourTemplate(local, resource, family, asn, problems);
  if (template === undefined) return;
  peers.set(text, {
    name: nameOf(resource, text), prefix: text, maximumPeers: resource.annotations['maximum-peers'] ?? MAXIMUM_PEERS,
    template: { ...template, passive: true, ...(source === undefined ? {} : { sourceAddress: source }) },
  });
}

function neighbourTemplate(local: LocalNode, resource: PeerResource, family: 'ipv4' | 'ipv6', asn: RemoteAs, problems: Problem[]): PeerTemplate | undefined {
  const localAsn = resource.spec.localASNumber ?? local.asn;
  const settings = peerSettings(local, resource, { asn, localAsn, family, side: 'toward' }, problems);
  return settings && templateOf(local, { ...timesOf(resource), origin: originOf(resource), port: DEFAULT_BGP_PORT, asn, localAsn, settings }, [family]);
}

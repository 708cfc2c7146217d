/** What `tortiectl get` knows of each kind: the names it answers to, and its columns. */
import { KINDS, type KindName, type ResourceOfKind } from '../config/kinds/kinds.ts';
import type { Resource } from '../config/kinds/kind.ts';
import { UsageError } from './errors.ts';
import { NODE_TYPE } from './nodes.ts';

export interface Columns { readonly head: readonly string[]; readonly row: (resource: never, context: RowContext) => readonly string[] }
/** What some cells need beside the resource. */
export interface RowContext { readonly globalAsn: string }

export interface ResourceType {
  readonly kind: KindName | 'Node';
  /** Lower case, singular and plural. */
  readonly names: readonly string[];
  readonly plain: Columns;
  readonly wide?: Columns;
  /** Written by the system alone; create, apply, replace and delete are refused. */
  readonly readOnly?: boolean;
}

function columns<K extends KindName>(_kind: K, head: readonly string[], row: (r: ResourceOfKind<K>) => readonly Cell[]): Columns {
  return { head, row: (r: never) => row(r).map(cell) };
}

/** One cell: text, or a list joined by commas; nothing is empty. */
type Cell = string | number | boolean | bigint | readonly string[] | undefined | null;

function cell(value: Cell): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? value.join(',') : String(value);
}

const dash = (value: Cell): string => (value === undefined || value === null ? '-' : cell(value));
const cut = (values: readonly string[] | undefined): string => {
  const text = (values ?? []).join(',');
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};
const nameOf = (r: Resource): string => r.metadata.name;
const onlyName = (kind: KindName): Columns => columns(kind, ['NAME'], (r) => [nameOf(r as Resource)]);

const IPPOOL_WIDE = ['NAME', 'CIDR', 'NAT', 'IPIPMODE', 'VXLANMODE', 'DISABLED', 'DISABLEBGPEXPORT', 'SELECTOR', 'ASSIGNMENTMODE'];

export const RESOURCE_TYPES: readonly ResourceType[] = [
  { kind: 'BGPConfiguration', names: ['bgpconfiguration', 'bgpconfigurations', 'bgpconfig', 'bgpconfigs'],
    plain: columns('BGPConfiguration', ['NAME', 'LOGSEVERITY', 'MESHENABLED', 'ASNUMBER'],
      (r) => [nameOf(r), dash(r.spec.logSeverityScreen), dash(r.spec.nodeToNodeMeshEnabled), dash(r.spec.asNumber)]) },
  { kind: 'BGPFilter', names: ['bgpfilter', 'bgpfilters', 'bgpf', 'bgpfs', 'bf', 'bfs'],
    plain: columns('BGPFilter', ['NAME', 'NUMEXPORTV4', 'NUMIMPORTV4', 'NUMEXPORTV6', 'NUMIMPORTV6'],
      (r) => [nameOf(r), ...[r.spec.exportV4, r.spec.importV4, r.spec.exportV6, r.spec.importV6].map((l) => l?.length ?? 0)]) },
  { kind: 'BGPPeer', names: ['bgppeer', 'bgppeers', 'bgpp', 'bgpps', 'bp', 'bps'],
    plain: columns('BGPPeer', ['NAME', 'PEERIP', 'NODE', 'ASN'],
      (r) => [nameOf(r), r.spec.peerIP, (r.spec.node ?? '') || (r.spec.nodeSelector ?? '') || '(global)', r.spec.asNumber ?? 0]) },
  { kind: 'BlockAffinity', names: ['blockaffinity', 'blockaffinities', 'affinity', 'affinities'], readOnly: true,
    plain: columns('BlockAffinity', ['NAME', 'CIDR', 'NODE', 'STATE'],
      (r) => [nameOf(r), r.spec.cidr, r.spec.node, r.spec.deleted ? `${r.spec.state} (deleted)` : r.spec.state]) },
  { kind: 'CalicoNodeStatus', names: ['caliconodestatus', 'caliconodestatuses', 'nodestatus', 'nodestatuses'],
    plain: columns('CalicoNodeStatus', ['NAME', 'NODE'], (r) => [nameOf(r), r.spec.node]),
    wide: columns('CalicoNodeStatus', ['NAME', 'NODE', 'CLASSES'], (r) => [nameOf(r), r.spec.node, r.spec.classes]) },
  { kind: 'ClusterInformation', names: ['clusterinformation', 'clusterinformations', 'clusterinfo', 'clusterinfos'], readOnly: true,
    plain: columns('ClusterInformation', ['NAME', 'CLUSTERGUID', 'CLUSTERTYPE', 'CALICOVERSION', 'DATASTOREREADY'],
      (r) => [nameOf(r), r.spec.clusterGUID, r.spec.clusterType, r.spec.calicoVersion, r.spec.datastoreReady]) },
  { kind: 'FelixConfiguration', names: ['felixconfiguration', 'felixconfigurations', 'felixconfig', 'felixconfigs'], plain: onlyName('FelixConfiguration') },
  { kind: 'IPAMBlock', names: ['ipamblock', 'ipamblocks'], readOnly: true,
    plain: columns('IPAMBlock', ['NAME', 'CIDR', 'AFFINITY', 'INUSE'],
      (r) => [nameOf(r), r.spec.cidr, r.spec.affinity, r.spec.allocations.filter((a) => a !== null).length]) },
  { kind: 'IPAMConfiguration', names: ['ipamconfiguration', 'ipamconfigurations', 'ipamconfig', 'ipamconfigs'],
    plain: columns('IPAMConfiguration', ['NAME', 'STRICTAFFINITY', 'AUTOALLOCATEBLOCKS'],
      (r) => [nameOf(r), r.spec.strictAffinity, r.spec.autoAllocateBlocks]),
    wide: columns('IPAMConfiguration', ['NAME', 'STRICTAFFINITY', 'AUTOALLOCATEBLOCKS', 'MAXBLOCKSPERHOST'],
      (r) => [nameOf(r), r.spec.strictAffinity, r.spec.autoAllocateBlocks, r.spec.maxBlocksPerHost]) },
  { kind: 'IPAMHandle', names: ['ipamhandle', 'ipamhandles'], readOnly: true,
    plain: columns('IPAMHandle', ['NAME', 'BLOCKS'], (r) => [nameOf(r), Object.keys(r.spec.block)]) },
  { kind: 'IPPool', names: ['ippool', 'ippools', 'ipp', 'ipps', 'pool', 'pools'],
    plain: columns('IPPool', ['NAME', 'CIDR', 'SELECTOR'], (r) => [nameOf(r), r.spec.cidr, r.spec.nodeSelector]),
    wide: columns('IPPool', IPPOOL_WIDE, ({ metadata, spec: s }) => [metadata.name, s.cidr, s.natOutgoing ?? false, s.ipipMode, s.vxlanMode,
      s.disabled ?? false, s.disableBGPExport ?? false, s.nodeSelector, s.assignmentMode ?? 'Automatic']) },
  { kind: 'IPReservation', names: ['ipreservation', 'ipreservations', 'reservation', 'reservations'], plain: onlyName('IPReservation'),
    wide: columns('IPReservation', ['NAME', 'CIDRS'], (r) => [nameOf(r), cut(r.spec.reservedCIDRs)]) },
  { kind: 'KubeControllersConfiguration', names: ['kubecontrollersconfiguration', 'kubecontrollersconfigurations', 'kubecontrollersconfig', 'kubecontrollersconfigs'],
    plain: onlyName('KubeControllersConfiguration') },
  NODE_TYPE,
];

/** By any of its names, in any case. Throws UsageError naming the kinds there are. */
export function resourceType(name: string): ResourceType {
  const found = RESOURCE_TYPES.find((t) => t.names.includes(name.toLowerCase()));
  if (found === undefined) {
    throw new UsageError(`resource type ${JSON.stringify(name)} is not known: expected one of ${RESOURCE_TYPES.map((t) => t.names[0]).join(', ')}`);
  }
  return found;
}

/** By the `kind` of a document. Both spellings of IPAMConfiguration are accepted. */
export const typeOfKind = (kind: string): ResourceType | undefined =>
  RESOURCE_TYPES.find((t) => t.kind === kind || (t.kind !== 'Node' && (KINDS[t.kind] as { v1?: { kind: string } }).v1?.kind === kind));

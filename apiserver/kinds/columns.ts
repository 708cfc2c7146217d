/** What `kubectl get` shows of the built-in kinds, column by column after Name. */
import { fieldAt, isObject, type ApiObject, type JsonObject } from '../objects/object.ts';
import { ageSince } from './age.ts';
import type { Column } from './resource-type.ts';

type Cell = Column['cell'];
const column = (name: string, cell: Cell, priority = 0, type: Column['type'] = 'string'): Column => ({ name, type, priority, cell });

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined);
const at = (object: unknown, ...path: string[]): string | undefined => text(fieldAt(object, ...path));
const listAt = (object: unknown, ...path: string[]): JsonObject[] => { const value = fieldAt(object, ...path); return Array.isArray(value) ? value.filter(isObject) : []; };
const field = (fallback: string, ...path: string[]): Cell => (object) => at(object, ...path) ?? fallback;
const sizeOf = (...path: string[]): Cell => (object) => { const value = fieldAt(object, ...path); return typeof value === 'object' && value !== null ? Object.keys(value).length : 0; };

const age = column('Age', (object, nowMs) => ageSince(object.metadata.creationTimestamp, nowMs));
const NONE = '<none>';

function podStatus(object: ApiObject): string {
  if (object.metadata.deletionTimestamp !== undefined) return at(object, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating';
  for (const status of listAt(object, 'status', 'containerStatuses').toReversed()) {
    const reason = at(status, 'state', 'waiting', 'reason') ?? at(status, 'state', 'terminated', 'reason');
    if (reason !== undefined) return reason;
  }
  return at(object, 'status', 'reason') ?? at(object, 'status', 'phase') ?? 'Unknown';
}

const podReady: Cell = (object) => {
  const statuses = listAt(object, 'status', 'containerStatuses');
  return `${statuses.filter((s) => s['ready'] === true).length}/${listAt(object, 'spec', 'containers').length}`;
};
const podRestarts: Cell = (object) => String(listAt(object, 'status', 'containerStatuses').reduce((sum, s) => sum + Number(s['restartCount'] ?? 0), 0));
const podReadinessGates: Cell = (object) => (listAt(object, 'spec', 'readinessGates').length === 0 ? NONE : `0/${listAt(object, 'spec', 'readinessGates').length}`);

function nodeStatus(object: ApiObject): string {
  const ready = listAt(object, 'status', 'conditions').find((c) => c['type'] === 'Ready');
  const word = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return fieldAt(object, 'spec', 'unschedulable') === true ? `${word},SchedulingDisabled` : word;
}

function nodeRoles(object: ApiObject): string {
  const roles = Object.entries(object.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith('node-role.kubernetes.io/')) return [key.slice('node-role.kubernetes.io/'.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  }).filter((role) => role !== '').sort();
  return roles.length === 0 ? NONE : [...new Set(roles)].join(',');
}

const nodeAddress = (kind: string): Cell => (object) => text(listAt(object, 'status', 'addresses').find((a) => a['type'] === kind)?.['address']) ?? NONE;

function servicePorts(object: ApiObject): string {
  const ports = listAt(object, 'spec', 'ports').map((p) => `${at(p, 'port') ?? ''}${at(p, 'nodePort') === undefined ? '' : `:${at(p, 'nodePort')!}`}/${at(p, 'protocol') ?? 'TCP'}`);
  return ports.length === 0 ? NONE : ports.join(',');
}

function externalAddress(object: ApiObject): string {
  const addresses = listAt(object, 'status', 'loadBalancer', 'ingress').map((i) => at(i, 'ip') ?? at(i, 'hostname') ?? '');
  const external = fieldAt(object, 'spec', 'externalIPs');
  const all = [...addresses, ...(Array.isArray(external) ? external.map(String) : [])];
  if (at(object, 'spec', 'type') === 'ExternalName') return at(object, 'spec', 'externalName') ?? NONE;
  return all.length > 0 ? all.join(',') : at(object, 'spec', 'type') === 'LoadBalancer' ? '<pending>' : NONE;
}

function labelText(value: unknown): string {
  const pairs = isObject(value) ? Object.entries(value).map(([key, v]) => `${key}=${String(v)}`).sort() : [];
  return pairs.length === 0 ? NONE : pairs.join(',');
}

/** A LabelSelector in one line; `<none>` selects everything. */
function selectorText(value: unknown): string {
  const expressions = listAt(value, 'matchExpressions').map((e) => `${String(e['key'])} ${String(e['operator']).toLowerCase()}${Array.isArray(e['values']) ? ` (${e['values'].map(String).join(',')})` : ''}`);
  const labels = labelText(fieldAt(value, 'matchLabels'));
  const parts = [...(labels === NONE ? [] : [labels]), ...expressions];
  return parts.length === 0 ? NONE : parts.join(',');
}

const MAX_ENDPOINTS = 3;
const shortList = (items: readonly string[], none: string): string => (items.length === 0 ? none
  : items.length > MAX_ENDPOINTS ? `${items.slice(0, MAX_ENDPOINTS).join(',')} + ${items.length - MAX_ENDPOINTS} more...` : items.join(','));

function endpointsText(object: ApiObject): string {
  const all = listAt(object, 'subsets').flatMap((subset) => {
    const ports = listAt(subset, 'ports');
    return listAt(subset, 'addresses').flatMap((a) => (ports.length === 0 ? [at(a, 'ip') ?? ''] : ports.map((p) => `${at(a, 'ip') ?? ''}:${at(p, 'port') ?? ''}`)));
  });
  return shortList(all, NONE);
}

const slicePorts: Cell = (object) => shortList(listAt(object, 'ports').map((p) => at(p, 'port') ?? '*'), '<unset>');
const sliceEndpoints: Cell = (object) => shortList(listAt(object, 'endpoints').flatMap((e) => (Array.isArray(e['addresses']) ? e['addresses'].map(String) : [])), '<unset>');

const eventTime = (object: ApiObject): string | undefined => at(object, 'lastTimestamp') ?? at(object, 'eventTime') ?? at(object, 'firstTimestamp');
const involved: Cell = (object) => [at(object, 'involvedObject', 'kind')?.toLowerCase(), at(object, 'involvedObject', 'name')].filter((x) => x !== undefined).join('/');

const container = (of: 'name' | 'image', ...path: string[]): Cell => (object) => listAt(object, ...path).map((c) => at(c, of) ?? '').join(',');
const TEMPLATE = ['spec', 'template', 'spec', 'containers'] as const;
const number = (...path: string[]): Cell => (object) => { const value = fieldAt(object, ...path); return typeof value === 'number' ? value : 0; };

export const BUILTIN_COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  Namespace: [column('Status', field('', 'status', 'phase')), age],
  Node: [
    column('Status', nodeStatus), column('Roles', nodeRoles), age, column('Version', field('', 'status', 'nodeInfo', 'kubeletVersion')),
    column('Internal-IP', nodeAddress('InternalIP'), 1), column('External-IP', nodeAddress('ExternalIP'), 1),
    column('OS-Image', field('<unknown>', 'status', 'nodeInfo', 'osImage'), 1), column('Kernel-Version', field('<unknown>', 'status', 'nodeInfo', 'kernelVersion'), 1),
    column('Container-Runtime', field('<unknown>', 'status', 'nodeInfo', 'containerRuntimeVersion'), 1),
  ],
  Pod: [
    column('Ready', podReady), column('Status', podStatus), column('Restarts', podRestarts), age,
    column('IP', field(NONE, 'status', 'podIP'), 1), column('Node', field(NONE, 'spec', 'nodeName'), 1),
    column('Nominated Node', field(NONE, 'status', 'nominatedNodeName'), 1), column('Readiness Gates', podReadinessGates, 1),
  ],
  Service: [
    column('Type', field('', 'spec', 'type')), column('Cluster-IP', field(NONE, 'spec', 'clusterIP')), column('External-IP', externalAddress),
    column('Port(s)', servicePorts), age, column('Selector', (object) => labelText(fieldAt(object, 'spec', 'selector')), 1),
  ],
  Endpoints: [column('Endpoints', endpointsText), age],
  EndpointSlice: [column('AddressType', field('', 'addressType')), column('Ports', slicePorts), column('Endpoints', sliceEndpoints), age],
  ConfigMap: [column('Data', (object, now) => Number(sizeOf('data')(object, now)) + Number(sizeOf('binaryData')(object, now))), age],
  Secret: [column('Type', field('', 'type')), column('Data', sizeOf('data')), age],
  ServiceAccount: [column('Secrets', sizeOf('secrets')), age],
  Event: [
    column('Last Seen', (object, nowMs) => ageSince(eventTime(object), nowMs)), column('Type', field('', 'type')), column('Reason', field('', 'reason')),
    column('Object', involved), column('Subobject', field('', 'involvedObject', 'fieldPath'), 1), column('Source', field('', 'source', 'component'), 1),
    column('Message', (object) => (at(object, 'message') ?? '').trim()), column('First Seen', (object, nowMs) => ageSince(at(object, 'firstTimestamp') ?? at(object, 'eventTime'), nowMs), 1),
    column('Count', field('1', 'count'), 1), column('Name', (object) => object.metadata.name, 1),
  ],
  NetworkPolicy: [column('Pod-Selector', (object) => selectorText(fieldAt(object, 'spec', 'podSelector'))), age],
  Lease: [column('Holder', field('', 'spec', 'holderIdentity')), age],
  CustomResourceDefinition: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', 0, 'date')],
  Deployment: [
    column('Ready', (object, now) => `${String(number('status', 'readyReplicas')(object, now))}/${String(number('spec', 'replicas')(object, now))}`),
    column('Up-to-date', number('status', 'updatedReplicas')), column('Available', number('status', 'availableReplicas')), age,
    column('Containers', container('name', ...TEMPLATE), 1), column('Images', container('image', ...TEMPLATE), 1), column('Selector', (object) => selectorText(fieldAt(object, 'spec', 'selector')), 1),
  ],
  DaemonSet: [
    column('Desired', number('status', 'desiredNumberScheduled')), column('Current', number('status', 'currentNumberScheduled')), column('Ready', number('status', 'numberReady')),
    column('Up-to-date', number('status', 'updatedNumberScheduled')), column('Available', number('status', 'numberAvailable')),
    column('Node Selector', (object) => labelText(fieldAt(object, 'spec', 'template', 'spec', 'nodeSelector'))), age,
    column('Containers', container('name', ...TEMPLATE), 1), column('Images', container('image', ...TEMPLATE), 1), column('Selector', (object) => selectorText(fieldAt(object, 'spec', 'selector')), 1),
  ],
  RoleBinding: [column('Role', (object) => `${at(object, 'roleRef', 'kind') ?? ''}/${at(object, 'roleRef', 'name') ?? ''}`), age],
  ClusterRoleBinding: [column('Role', (object) => `${at(object, 'roleRef', 'kind') ?? ''}/${at(object, 'roleRef', 'name') ?? ''}`), age],
  Role: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', 0, 'date')],
  ClusterRole: [column('Created At', (object) => object.metadata.creationTimestamp ?? '', 0, 'date')],
};

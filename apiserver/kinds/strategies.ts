/** What is particular to single built-in kinds: defaults that their schemas do not carry, status, grace, further checks. */
import { fieldAt, isObject, sameJson, type ApiObject, type JsonObject } from '../objects/object.ts';
import { forbiddenField, invalidValue, notSupported, type FieldError } from '../schema/field-error.ts';
import { networkPolicyErrors } from './network-policies.ts';
import { defineCustom } from './custom-strategy.ts';
import { podErrors, preparePod, podGraceSeconds } from './pods.ts';
import type { Strategy } from './resource-type.ts';
import { section, setDefault } from './sections.ts';
import { prepareService, serviceErrors } from './services.ts';

const finalizersOf = (object: ApiObject): unknown[] => { const list = fieldAt(object, 'spec', 'finalizers'); return Array.isArray(list) ? (list as unknown[]) : []; };

function prepareNamespace(object: ApiObject): void {
  if (object.metadata.name !== undefined) object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
}

/** A policy is about Ingress, and about Egress too when it has egress rules, unless it says. */
function prepareNetworkPolicy(object: ApiObject): void {
  const spec = section(object, 'spec');
  setDefault(spec, 'podSelector', {});
  if (!Array.isArray(spec['policyTypes']) || spec['policyTypes'].length === 0) {
    spec['policyTypes'] = ['Ingress', ...(Array.isArray(spec['egress']) && spec['egress'].length > 0 ? ['Egress'] : [])];
  }
  for (const rule of ['ingress', 'egress'].flatMap((side) => (Array.isArray(spec[side]) ? spec[side] as unknown[] : []))) {
    if (!isObject(rule) || !Array.isArray(rule['ports'])) continue;
    for (const port of rule['ports']) if (isObject(port)) setDefault(port, 'protocol', 'TCP');
  }
}

/** Text values written for convenience become base64 data, and are never read back. */
function prepareSecret(object: ApiObject): void {
  setDefault(object, 'type', 'Opaque');
  const { stringData } = object;
  if (!isObject(stringData)) return;
  const data = section(object, 'data');
  for (const [key, value] of Object.entries(stringData)) data[key] = Buffer.from(String(value)).toString('base64');
  delete object['stringData'];
}

const immutableWhenMarked = (object: ApiObject, old: ApiObject | undefined, fields: readonly string[]): ReturnType<NonNullable<Strategy['validate']>> => {
  if (old?.['immutable'] !== true) return [];
  return [
    ...(object['immutable'] === true ? [] : [forbiddenField('immutable', 'field is immutable when `immutable` is set')]),
    ...fields.filter((f) => !sameJson(object[f], old[f])).map((f) => forbiddenField(f, 'field is immutable when `immutable` is set')),
  ];
};

const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

function keyErrors(object: ApiObject, field: string): FieldError[] {
  const keys = isObject(object[field]) ? Object.keys(object[field]) : [];
  return keys.filter((key) => !CONFIG_KEY.test(key) || key === '.' || key === '..' || key.length > 253)
    .map((key) => invalidValue(`${field}[${key}]`, key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"));
}

function eventErrors(object: ApiObject): FieldError[] {
  const involved = fieldAt(object, 'involvedObject', 'namespace');
  const fits = involved === undefined || involved === '' ? object.metadata.namespace === 'default' : involved === object.metadata.namespace;
  return fits ? [] : [invalidValue('involvedObject.namespace', involved ?? '', 'does not match event.namespace')];
}

const leaseErrors = (object: ApiObject): FieldError[] => [['leaseDurationSeconds', 0, 'must be greater than 0'], ['leaseTransitions', -1, 'must be greater than or equal to 0']]
  .flatMap(([field, bound, why]) => { const value = fieldAt(object, 'spec', field as string); return typeof value === 'number' && value <= (bound as number) ? [invalidValue(`spec.${field as string}`, value, why as string)] : []; });

/** The first range is the only one, or all that is given is the list. */
function prepareNode(object: ApiObject): void {
  const spec = section(object, 'spec');
  const { podCIDR, podCIDRs } = spec;
  if (typeof podCIDR === 'string' && podCIDRs === undefined) spec['podCIDRs'] = [podCIDR];
  else if (podCIDR === undefined && Array.isArray(podCIDRs) && podCIDRs.length > 0) [spec['podCIDR']] = podCIDRs as unknown[];
}

function prepareEndpointSlice(object: ApiObject): void {
  const ports = object['ports'];
  if (Array.isArray(ports)) for (const port of ports) if (isObject(port)) { setDefault(port, 'name', ''); setDefault(port, 'protocol', 'TCP'); }
}

function prepareEndpoints(object: ApiObject): void {
  if (!Array.isArray(object['subsets'])) return;
  for (const subset of object['subsets']) {
    if (isObject(subset) && Array.isArray(subset['ports'])) for (const port of subset['ports']) if (isObject(port)) setDefault(port, 'protocol', 'TCP');
  }
}

const both = (prepare: (object: ApiObject) => void): Pick<Strategy, 'prepareCreate' | 'prepareUpdate'> => ({ prepareCreate: prepare, prepareUpdate: prepare });

export const STRATEGIES: Readonly<Record<string, Strategy>> = {
  Namespace: {
    name: 'label', selectable: ['status.phase'],
    prepareCreate(object) { prepareNamespace(object); object['spec'] = { finalizers: [...new Set([...finalizersOf(object), 'kubernetes'])] }; object['status'] = { phase: 'Active' }; },
    prepareUpdate(object, old) { prepareNamespace(object); if (old['spec'] !== undefined) object['spec'] = old['spec']; },
  },
  Node: { selectable: ['spec.unschedulable'], ...both(prepareNode) },
  Pod: {
    selectable: ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase', 'status.podIP', 'status.podIPs', 'status.nominatedNodeName'],
    prepareCreate(object) { preparePod(object); object['status'] = { phase: 'Pending', ...podQuality(object) }; },
    prepareUpdate: preparePod, validate: podErrors, graceSeconds: podGraceSeconds,
  },
  Service: { name: 'label1035', selectable: ['spec.clusterIP', 'spec.type'], prepareCreate(object) { prepareService(object, undefined); object['status'] = { loadBalancer: {} }; }, prepareUpdate: prepareService, validate: serviceErrors },
  Secret: { selectable: ['type'], ...both(prepareSecret), validate: (object, old) => [
    ...(old !== undefined && object['type'] !== old['type'] ? [invalidValue('type', object['type'], 'field is immutable')] : []),
    ...keyErrors(object, 'data'), ...immutableWhenMarked(object, old, ['data', 'type']),
  ] },
  ConfigMap: { validate: (object, old) => [...keyErrors(object, 'data'), ...keyErrors(object, 'binaryData'), ...immutableWhenMarked(object, old, ['data', 'binaryData'])] },
  Event: { selectable: ['involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid', 'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'source', 'type'], validate: eventErrors },
  Lease: { validate: leaseErrors },
  NetworkPolicy: { ...both(prepareNetworkPolicy), validate: networkPolicyErrors },
  Endpoints: both(prepareEndpoints),
  EndpointSlice: { ...both(prepareEndpointSlice), validate: (object, old) => [
    ...([undefined, 'IPv4', 'IPv6', 'FQDN'].includes(object['addressType'] as string | undefined) ? [] : [notSupported('addressType', object['addressType'], ['FQDN', 'IPv4', 'IPv6'])]),
    ...(old !== undefined && old['addressType'] !== object['addressType'] ? [invalidValue('addressType', object['addressType'], 'field is immutable')] : []),
  ] },
  Role: { name: 'path' }, ClusterRole: { name: 'path' }, RoleBinding: { name: 'path' }, ClusterRoleBinding: { name: 'path' },
  CustomResourceDefinition: defineCustom(),
};

/** Only pods without any resource request are told apart here: the class matters to kubelets, which are not ours. */
function podQuality(object: ApiObject): JsonObject {
  const containers = isObject(object['spec']) && Array.isArray(object['spec']['containers']) ? object['spec']['containers'] : [];
  const hasResources = containers.some((c) => isObject(c) && isObject(c['resources']) && Object.keys(c['resources']).length > 0);
  return { qosClass: hasResources ? 'Burstable' : 'BestEffort' };
}

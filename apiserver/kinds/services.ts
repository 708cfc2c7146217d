/** Services: their defaults and the cluster address each gets. */
import { isObject, type ApiObject, type JsonObject } from '../objects/object.ts';
import { invalidValue, required, type FieldError } from '../schema/field-error.ts';
import { section, setDefault } from './sections.ts';

/** Cluster addresses are 10.96.0.0/16; the host part follows from the uid, so that no allocator has to be kept. */
const CLUSTER_PREFIX = '10.96';

function clusterAddress(uid: string): string {
  const bits = Number.parseInt(uid.replaceAll('-', '').slice(0, 8), 16);
  const host = 256 + (bits % (65536 - 512));
  return `${CLUSTER_PREFIX}.${host >> 8}.${host & 255}`;
}

export function prepareService(object: ApiObject, old: ApiObject | undefined): void {
  const spec = section(object, 'spec');
  setDefault(spec, 'type', 'ClusterIP');
  setDefault(spec, 'sessionAffinity', 'None');
  for (const port of portsOf(spec)) {
    setDefault(port, 'protocol', 'TCP');
    setDefault(port, 'targetPort', port['port']);
  }
  if (spec['type'] === 'ExternalName') return;
  setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  const before = isObject(old?.['spec']) ? old['spec'] : {};
  for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) if (before[field] !== undefined) setDefault(spec, field, before[field]);
  if (spec['clusterIP'] === undefined || spec['clusterIP'] === '') spec['clusterIP'] = clusterAddress(object.metadata.uid ?? old?.metadata.uid ?? '0');
  setDefault(spec, 'clusterIPs', [spec['clusterIP']]);
  const anyFamily = spec['clusterIP'] === 'None' && spec['selector'] === undefined;
  setDefault(spec, 'ipFamilies', anyFamily ? ['IPv4', 'IPv6'] : [String(spec['clusterIP']).includes(':') ? 'IPv6' : 'IPv4']);
  setDefault(spec, 'ipFamilyPolicy', anyFamily ? 'RequireDualStack' : 'SingleStack');
  if (spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer') setDefault(spec, 'externalTrafficPolicy', 'Cluster');
}

const portsOf = (spec: JsonObject): JsonObject[] => (Array.isArray(spec['ports']) ? spec['ports'].filter(isObject) : []);

const isPort = (value: unknown): boolean => typeof value === 'number' && value >= 1 && value <= 65535;

export function serviceErrors(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const errors: FieldError[] = [];
  const ports = portsOf(spec);
  if (ports.length === 0 && spec['type'] !== 'ExternalName' && spec['clusterIP'] !== 'None') errors.push(required('spec.ports'));
  for (const [i, port] of ports.entries()) {
    const value = port['port'];
    if (!isPort(value)) errors.push(invalidValue(`spec.ports[${i}].port`, value ?? 0, 'must be between 1 and 65535, inclusive'));
    if (typeof port['targetPort'] === 'number' && !isPort(port['targetPort'])) errors.push(invalidValue(`spec.ports[${i}].targetPort`, port['targetPort'], 'must be between 1 and 65535, inclusive'));
    if (ports.length > 1 && (port['name'] === undefined || port['name'] === '')) errors.push(required(`spec.ports[${i}].name`));
  }
  const before = isObject(old?.['spec']) ? old['spec']['clusterIP'] : undefined;
  if (typeof before === 'string' && before !== '' && spec['type'] !== 'ExternalName' && spec['clusterIP'] !== before) {
    errors.push(invalidValue('spec.clusterIPs[0]', [spec['clusterIP']], 'may not change once set'));
  }
  return errors;
}

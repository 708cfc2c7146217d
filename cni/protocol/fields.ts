/** Every field of a network configuration we know by name, Calico's included: its type, and what becomes of it. */

export type FieldType = 'text' | 'flag' | 'integer' | 'texts' | 'list' | 'object' | 'flag text';

/**
 * `used`: it has its effect.
 * `no effect`: accepted, because what it asks for is so anyway or means nothing here; the reason is in `why`.
 * `refused`: it would change what the pod gets and is not built: anything but an empty value is an error.
 */
export type Treatment = 'used' | 'no effect' | 'refused';

export interface Field {
  readonly type: FieldType;
  readonly treatment: Treatment;
  readonly why: string;
}

const used = (type: FieldType, why = ''): Field => ({ type, treatment: 'used', why });
const idle = (type: FieldType, why: string): Field => ({ type, treatment: 'no effect', why });
const refused = (type: FieldType, why: string): Field => ({ type, treatment: 'refused', why });

const AGENT_KNOWS = 'the agent knows its node';
const AGENT_LOGS = 'the agent does the logging';
const AGENT_TALKS = 'only the agent talks to the API, with its own credentials';
const NO_ETCD = 'the datastore is the Kubernetes API';
const WINDOWS = 'it acts on Windows only';

/** Fields of the configuration itself. */
export const FIELDS: Readonly<Record<string, Field>> = {
  cniVersion: used('text'),
  name: used('text'),
  type: used('text'),
  mtu: used('integer', '0: the MTU of the node'),
  ipam: used('object'),
  container_settings: used('object'),
  prevResult: used('object'),
  dns: used('object', 'passed on in the result'),
  nodename: used('text', 'must be the node of the agent'),
  num_queues: used('integer', '1 queue each way'),
  device_type: used('text', 'veth'),
  datastore_type: used('text', 'kubernetes'),
  capabilities: idle('object', 'the runtime reads it'),
  runtimeConfig: idle('object', 'plugins behind this one read it'),
  args: idle('object', 'labels of an older way'),
  policy: idle('object', 'policy is in force for every pod'),
  kubernetes: idle('object', AGENT_TALKS),
  calico_api_group: idle('text', 'the agent finds the group of the cluster'),
  qps: idle('integer', AGENT_TALKS),
  burst: idle('integer', AGENT_TALKS),
  nodename_file: idle('text', AGENT_KNOWS),
  nodename_file_optional: idle('flag', AGENT_KNOWS),
  hostname: idle('text', AGENT_KNOWS),
  require_mtu_file: idle('flag', 'the agent finds the MTU'),
  ipam_lock_file: idle('text', 'the agent needs no lock'),
  log_level: idle('text', AGENT_LOGS),
  log_file_path: idle('text', AGENT_LOGS),
  log_file_max_size: idle('integer', AGENT_LOGS),
  log_file_max_age: idle('integer', AGENT_LOGS),
  log_file_max_count: idle('integer', AGENT_LOGS),
  policy_setup_timeout_seconds: idle('integer', 'policy is in force before ADD is answered'),
  endpoint_status_dir: idle('text', 'policy is in force before ADD is answered'),
  ipMasq: refused('flag', 'pods are routed without address translation'),
  include_default_routes: refused('flag', 'it belongs to host-local'),
  feature_control: refused('object', 'addresses without IPAM and floating IPs are not supported yet'),
  readiness_gates: refused('texts', 'readiness gates are not supported'),
  dataplane_options: refused('object', 'no other process does the wiring'),
  etcd_endpoints: refused('text', NO_ETCD),
  etcd_discovery_srv: refused('text', NO_ETCD),
  etcd_scheme: refused('text', NO_ETCD),
  etcd_authority: refused('text', NO_ETCD),
  etcd_key_file: refused('text', NO_ETCD),
  etcd_cert_file: refused('text', NO_ETCD),
  etcd_ca_cert_file: refused('text', NO_ETCD),
  mode: idle('text', WINDOWS),
  vxlan_vni: idle('integer', WINDOWS),
  vxlan_mac_prefix: idle('text', WINDOWS),
  'cni.dev/valid-attachments': used('list', 'GC: what the runtime still has'),
};

/** Fields below `ipam` for our own address management. */
export const IPAM_FIELDS: Readonly<Record<string, Field>> = {
  type: used('text'),
  assign_ipv4: used('flag text'),
  assign_ipv6: used('flag text'),
  ipv4_pools: used('texts', 'names or CIDRs of pools'),
  ipv6_pools: used('texts', 'names or CIDRs of pools'),
  subnet: refused('text', 'it belongs to host-local'),
  ranges: refused('list', 'it belongs to host-local'),
  routes: refused('list', 'it belongs to host-local'),
};

/** Fields below `container_settings`. */
export const CONTAINER_FIELDS: Readonly<Record<string, Field>> = {
  allow_ip_forwarding: used('flag'),
};

/** What a value of each type must be, in words. */
export const EXPECTED: Readonly<Record<FieldType, string>> = {
  text: 'a text',
  flag: 'true or false',
  integer: 'an integer',
  texts: 'a list of texts',
  list: 'a list',
  object: 'an object',
  'flag text': '"true" or "false"',
};

export function hasType(type: FieldType, value: unknown): boolean {
  switch (type) {
    case 'text': return typeof value === 'string';
    case 'flag': return typeof value === 'boolean';
    case 'integer': return Number.isSafeInteger(value);
    case 'texts': return Array.isArray(value) && value.every((v) => typeof v === 'string');
    case 'list': return Array.isArray(value);
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'flag text': return typeof value === 'boolean' || (typeof value === 'string' && /^(true|false)$/i.test(value));
  }
}

/** True for what says nothing: false, 0, "", [], {} and what holds only such things. */
export function isEmptyValue(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmptyValue);
  return value === undefined || value === null || value === false || value === 0 || value === '';
}

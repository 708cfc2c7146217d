/** The network configuration a runtime hands in: every field read, accepted without effect, or refused by name. */
import type { Family } from '../../lib/ip/prefix.ts';
import { CNI_CODE, CniError } from './errors.ts';
import { CONTAINER_FIELDS, EXPECTED, FIELDS, IPAM_FIELDS, hasType, isEmptyValue, type Field } from './fields.ts';
import { readResult, type Result } from './results.ts';
import { readVersion, type CniVersion } from './versions.ts';

export interface NetworkConfiguration {
  readonly cniVersion: CniVersion;
  /** Name of the network; the first half of every handle. */
  readonly name: string;
  /** Bytes; 0: the MTU of the node. */
  readonly mtu: number;
  /** Empty, or the node the configuration was written for. */
  readonly nodename: string;
  /** False: forwarding in the pod is switched off, whatever the runtime left there. */
  readonly allowIpForwarding: boolean;
  readonly ipam: IpamRequest;
  /** What ADD answered, or undefined: the runtime has not kept it. */
  readonly previous: Result | undefined;
  readonly dns: unknown;
  /** GC: the attachments the runtime still has. */
  readonly validAttachments: readonly ValidAttachment[] | undefined;
  /** Fields nobody here knows: ignored, as the specification allows, and shown in the log. */
  readonly unknown: readonly string[];
}

export interface IpamRequest {
  readonly families: readonly Family[];
  /** Names or CIDRs of pools, in order of preference; empty: those that select the node. */
  readonly pools: { readonly [F in Family]: readonly string[] };
}

export interface ValidAttachment { readonly containerId: string; readonly interfaceName: string }

export const IPAM_TYPES = ['tortie-ipam', 'calico-ipam'] as const;
const NETWORK_NAME = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;
/** Below 68 bytes IPv4 does not work (RFC 791); a veth takes no more than 65535. */
const MTU_RANGE = [68, 65_535] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * @throws {CniError} 6 when it is no JSON, 1 for a version that is not ours, 2 for a field we refuse,
 * 7 for a wrong value; the message names field, value and expectation, `details` the further ones.
 */
export function readConfiguration(text: string): NetworkConfiguration {
  const fields = parse(text);
  if (Array.isArray(fields['plugins'])) {
    throw new CniError(CNI_CODE.badConfiguration, 'plugins: a list of configurations: a plugin is given one of them, the runtime takes the list apart');
  }
  const cniVersion = readVersion(fields['cniVersion']);
  const problems: CniError[] = [];
  check(fields, FIELDS, '', problems);
  for (const [name, table] of [['ipam', IPAM_FIELDS], ['container_settings', CONTAINER_FIELDS]] as const) {
    if (hasType('object', fields[name])) check(fields[name] as Fields, table, `${name}.`, problems);
  }
  checkValues(fields, problems);
  const [first, ...others] = problems;
  if (first) throw new CniError(first.code, first.message, others.map((p) => p.message).join('; '));
  return assemble(fields, cniVersion);
}

/** The version to answer in when the configuration itself is what is wrong. */
export function versionFor(text: string): CniVersion {
  try {
    return readVersion(parse(text)['cniVersion']);
  } catch {
    return '1.0.0';
  }
}

function parse(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CniError(CNI_CODE.undecodable, 'the network configuration on standard input is not JSON', (error as Error).message);
  }
  if (!hasType('object', value)) throw new CniError(CNI_CODE.undecodable, 'the network configuration on standard input is not a JSON object');
  return value as Fields;
}

function check(fields: Fields, table: Readonly<Record<string, Field>>, path: string, problems: CniError[]): void {
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(table, name) ? table[name] : undefined;
    if (field === undefined || value === null) continue;
    if (!hasType(field.type, value)) {
      problems.push(wrong(path + name, value, EXPECTED[field.type]));
    } else if (field.treatment === 'refused' && !isEmptyValue(value)) {
      problems.push(new CniError(CNI_CODE.unsupportedField, `${path}${name}: ${show(value)} is not supported: ${field.why}`));
    }
  }
}

/** Values whose type is right and that still cannot be. */
function checkValues(fields: Fields, problems: CniError[]): void {
  const { name, mtu, num_queues: queues, device_type: device, datastore_type: datastore, policy_setup_timeout_seconds: wait, ipam } = fields;
  if (name === undefined || (typeof name === 'string' && (!NETWORK_NAME.test(name) || name.length > 100))) {
    problems.push(wrong('name', name, 'the name of the network: letters, digits, "." and "-", at most 100'));
  }
  if (Number.isSafeInteger(mtu) && mtu !== 0 && ((mtu as number) < MTU_RANGE[0] || (mtu as number) > MTU_RANGE[1])) {
    problems.push(wrong('mtu', mtu, `0 or ${MTU_RANGE[0]}..${MTU_RANGE[1]} bytes`));
  }
  if (Number.isSafeInteger(queues) && (queues as number) > 1) problems.push(unsupported('num_queues', queues, '1'));
  if (typeof device === 'string' && device !== '' && device !== 'veth') problems.push(unsupported('device_type', device, '"veth"'));
  if (typeof datastore === 'string' && datastore !== '' && datastore !== 'kubernetes') problems.push(unsupported('datastore_type', datastore, '"kubernetes"'));
  if (Number.isSafeInteger(wait) && (wait as number) < 0) problems.push(wrong('policy_setup_timeout_seconds', wait, '0 or more seconds'));
  if (hasType('object', ipam)) checkIpam(ipam as Fields, problems);
}

function checkIpam(ipam: Fields, problems: CniError[]): void {
  const type = ipam['type'];
  if (typeof type === 'string' && type !== '' && !IPAM_TYPES.some((t) => t === type)) {
    problems.push(unsupported('ipam.type', type, IPAM_TYPES.map((t) => JSON.stringify(t)).join(' or ')));
  }
  if (!flag(ipam['assign_ipv4'], true) && !flag(ipam['assign_ipv6'], false)) {
    problems.push(new CniError(CNI_CODE.badConfiguration, 'ipam.assign_ipv4, ipam.assign_ipv6: both are false: expected at least one to be true'));
  }
}

function assemble(fields: Fields, cniVersion: CniVersion): NetworkConfiguration {
  const ipam = (fields['ipam'] ?? {}) as Fields;
  const container = (fields['container_settings'] ?? {}) as Fields;
  const previous = fields['prevResult'] ?? undefined;
  const valid = fields['cni.dev/valid-attachments'] as readonly unknown[] | undefined;
  return {
    cniVersion,
    name: fields['name'] as string,
    mtu: (fields['mtu'] as number | undefined) ?? 0,
    nodename: (fields['nodename'] as string | undefined) ?? '',
    allowIpForwarding: container['allow_ip_forwarding'] === true,
    ipam: {
      families: [...(flag(ipam['assign_ipv4'], true) ? ['ipv4' as const] : []), ...(flag(ipam['assign_ipv6'], false) ? ['ipv6' as const] : [])],
      pools: { ipv4: (ipam['ipv4_pools'] ?? []) as string[], ipv6: (ipam['ipv6_pools'] ?? []) as string[] },
    },
    previous: previous === undefined ? undefined : readResult(previous, 'prevResult'),
    dns: fields['dns'],
    validAttachments: valid?.map((v, i) => readValidAttachment(v, `cni.dev/valid-attachments[${i}]`)),
    unknown: [
      ...Object.keys(fields).filter((name) => !Object.hasOwn(FIELDS, name)),
      ...Object.keys(ipam).filter((name) => !Object.hasOwn(IPAM_FIELDS, name)).map((name) => `ipam.${name}`),
    ],
  };
}

function readValidAttachment(value: unknown, where: string): ValidAttachment {
  const { containerID, ifname } = (hasType('object', value) ? value : {}) as Fields;
  if (typeof containerID !== 'string' || typeof ifname !== 'string') throw wrong(where, value, 'an object with containerID and ifname');
  return { containerId: containerID, interfaceName: ifname };
}

/** Calico writes these flags as texts; a real flag is taken too. */
function flag(value: unknown, otherwise: boolean): boolean {
  if (value === undefined || value === null || value === '') return otherwise;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : value === true;
}

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 200);

const wrong = (path: string, value: unknown, expected: string): CniError =>
  new CniError(CNI_CODE.badConfiguration, `${path}: ${value === undefined ? 'is missing' : `${show(value)} is not valid`}: expected ${expected}`);

const unsupported = (path: string, value: unknown, expected: string): CniError =>
  new CniError(CNI_CODE.unsupportedField, `${path}: ${show(value)} is not supported: expected ${expected}`);

/** What annotations of a pod and its namespace ask for: pools, families, a MAC address; anything we cannot do is refused by name. */
import { CNI_CODE, CniError } from '../../cni/protocol/errors.ts';
import type { IpamRequest } from '../../cni/protocol/configuration.ts';
import type { Family } from '../../lib/ip/prefix.ts';

const P = 'cni.projectcalico.org/';
const REFUSED = [`${P}ipAddrs`, `${P}ipAddrsNoIpam`, `${P}floatingIPs`] as const;
const FAMILY_WORDS: Readonly<Record<string, Family>> = { IPv4: 'ipv4', IPv6: 'ipv6' };
const MAC = /^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/;

type Annotations = Readonly<Record<string, string>>;

/** What the configuration asks for, as the pod's annotations change it; a namespace's pools count where the pod names none. */
export function requestOf(configured: IpamRequest, pod: Annotations, namespace: Annotations): IpamRequest {
  for (const name of REFUSED) {
    if (pod[name] !== undefined) throw new CniError(CNI_CODE.unsupportedField, `annotation ${name}: ${pod[name]} is not supported yet`);
  }
  const pools = (family: '4' | '6'): readonly string[] | undefined => {
    const name = `${P}ipv${family}pools`;
    return texts(name, pod[name]) ?? texts(name, namespace[name]);
  };
  return {
    families: familiesOf(texts(`${P}ipFamilies`, pod[`${P}ipFamilies`]), configured.families),
    pools: { ipv4: pools('4') ?? configured.pools.ipv4, ipv6: pools('6') ?? configured.pools.ipv6 },
  };
}

/** The MAC address a pod asks for; undefined: any. */
export function macOf(pod: Annotations): string | undefined {
  const mac = pod[`${P}hwAddr`];
  if (mac !== undefined && (!MAC.test(mac) || (parseInt(mac.slice(0, 2), 16) & 1) === 1)) {
    throw new CniError(CNI_CODE.badConfiguration, `annotation ${P}hwAddr: ${JSON.stringify(mac)} is not valid: expected a unicast MAC address like 02:00:00:00:00:01`);
  }
  return mac?.toLowerCase();
}

function familiesOf(asked: readonly string[] | undefined, configured: readonly Family[]): readonly Family[] {
  if (asked === undefined) return configured;
  const families = asked.map((word) => FAMILY_WORDS[word]);
  if (families.length === 0 || families.includes(undefined)) {
    throw new CniError(CNI_CODE.badConfiguration, `annotation ${P}ipFamilies: ${JSON.stringify(asked)} is not valid: expected a list of "IPv4" and "IPv6"`);
  }
  const missing = asked.find((word) => !configured.includes(FAMILY_WORDS[word]!));
  if (missing !== undefined) {
    throw new CniError(CNI_CODE.badConfiguration, `annotation ${P}ipFamilies: ${missing} is not assigned by the network configuration (ipam.assign_ipv4, ipam.assign_ipv6)`);
  }
  return configured.filter((family) => families.includes(family));
}

function texts(name: string, value: string | undefined): readonly string[] | undefined {
  if (value === undefined || value === '') return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    parsed = undefined;
  }
  if (!Array.isArray(parsed) || !parsed.every((v): v is string => typeof v === 'string')) {
    throw new CniError(CNI_CODE.badConfiguration, `annotation ${name}: ${JSON.stringify(value)} is not valid: expected a JSON list of texts`);
  }
  return parsed;
}

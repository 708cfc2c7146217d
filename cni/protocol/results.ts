/** CNI results: one form inside, the form of each version of the specification at the edge. */
import { showIp, showPrefix, parseIp } from '../../lib/ip/text.ts';
import { familyOf, prefixOf, bitsOf, type Ip, type Prefix } from '../../lib/ip/prefix.ts';
import { CNI_CODE, CniError } from './errors.ts';
import { atLeast, type CniVersion } from './versions.ts';

export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Path of its network namespace; absent on the node itself. */
  readonly sandbox?: string;
}

export interface ResultAddress {
  readonly address: Ip;
  /** Prefix length of the network it is in. */
  readonly length: number;
  readonly gateway?: Ip;
  /** Index into `interfaces`; absent in the result of an IPAM plugin. */
  readonly interface?: number;
}

export interface ResultRoute { readonly destination: Prefix; readonly gateway?: Ip }

export interface Result {
  readonly interfaces: readonly ResultInterface[];
  readonly addresses: readonly ResultAddress[];
  readonly routes: readonly ResultRoute[];
  /** As configured; passed through. */
  readonly dns?: unknown;
}

/** The JSON text for standard output. Up to 0.4.0 an address says its family; the MTU is known since 1.1.0. */
export function renderResult(result: Result, version: CniVersion): string {
  return `${JSON.stringify(resultObject(result, version))}\n`;
}

export function resultObject(result: Result, version: CniVersion): Record<string, unknown> {
  const interfaces = result.interfaces.map((i) => ({
    name: i.name,
    ...(i.mac === undefined ? {} : { mac: i.mac }),
    ...(i.mtu === undefined || !atLeast(version, '1.1.0') ? {} : { mtu: i.mtu }),
    ...(i.sandbox === undefined ? {} : { sandbox: i.sandbox }),
  }));
  const ips = result.addresses.map((a) => ({
    ...(atLeast(version, '1.0.0') ? {} : { version: familyOf(a.address) === 'ipv4' ? '4' : '6' }),
    ...(a.interface === undefined ? {} : { interface: a.interface }),
    address: `${showIp(a.address)}/${a.length}`,
    ...(a.gateway === undefined ? {} : { gateway: showIp(a.gateway) }),
  }));
  const routes = result.routes.map((r) => ({
    dst: showPrefix(r.destination),
    ...(r.gateway === undefined ? {} : { gw: showIp(r.gateway) }),
  }));
  return {
    cniVersion: version,
    ...(interfaces.length === 0 ? {} : { interfaces }),
    ips,
    routes,
    ...(result.dns === undefined ? {} : { dns: result.dns }),
  };
}

/** Reads what another plugin printed, or a `prevResult`. @throws {CniError} 7 naming `where` and the field. */
export function readResult(value: unknown, where: string): Result {
  const result = object(value, where);
  return {
    interfaces: list(result['interfaces'], `${where}.interfaces`).map((v, i) => readInterface(object(v, `${where}.interfaces[${i}]`), `${where}.interfaces[${i}]`)),
    addresses: list(result['ips'], `${where}.ips`).map((v, i) => readAddress(object(v, `${where}.ips[${i}]`), `${where}.ips[${i}]`)),
    routes: list(result['routes'], `${where}.routes`).map((v, i) => readRoute(object(v, `${where}.routes[${i}]`), `${where}.routes[${i}]`)),
    ...(result['dns'] === undefined ? {} : { dns: result['dns'] }),
  };
}

function readInterface(value: Fields, where: string): ResultInterface {
  const mac = optionalText(value, 'mac', where);
  const sandbox = optionalText(value, 'sandbox', where);
  return {
    name: optionalText(value, 'name', where) ?? '',
    ...(mac === undefined ? {} : { mac }),
    ...(sandbox === undefined ? {} : { sandbox }),
  };
}

function readAddress(value: Fields, where: string): ResultAddress {
  const [address, length] = readCidr(optionalText(value, 'address', where) ?? '', `${where}.address`);
  const gateway = readGateway(optionalText(value, 'gateway', where), `${where}.gateway`);
  const index = value['interface'];
  if (index !== undefined && !Number.isSafeInteger(index)) throw wrong(`${where}.interface`, index, 'an index into interfaces');
  return { address, length, ...gateway, ...(index === undefined ? {} : { interface: index as number }) };
}

function readRoute(value: Fields, where: string): ResultRoute {
  const [address, length] = readCidr(optionalText(value, 'dst', where) ?? '', `${where}.dst`);
  return { destination: prefixOf(address, length), ...readGateway(optionalText(value, 'gw', where), `${where}.gw`) };
}

/** An address with the length of its network: unlike a prefix it may have host bits. */
function readCidr(text: string, where: string): readonly [Ip, number] {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,3}$/.test(length) || Number(length) > bitsOf(familyOf(address))) throw wrong(where, text, 'an address and a prefix length');
  return [address, Number(length)];
}

function readGateway(text: string | undefined, where: string): { readonly gateway?: Ip } {
  if (text === undefined || text === '') return {};
  const gateway = parseIp(text);
  if (gateway === undefined) throw wrong(where, text, 'an IP address');
  return { gateway };
}

type Fields = Readonly<Record<string, unknown>>;

function object(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, value, 'an object');
  return value as Fields;
}

function list(value: unknown, where: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(where, value, 'a list');
  return value;
}

function optionalText(value: Fields, field: string, where: string): string | undefined {
  const found = value[field];
  if (found !== undefined && typeof found !== 'string') throw wrong(`${where}.${field}`, found, 'a text');
  return found;
}

function wrong(where: string, value: unknown, expected: string): CniError {
  const shown = value === undefined ? 'is missing' : `${(JSON.stringify(value) ?? '?').slice(0, 200)} is not valid`;
  return new CniError(CNI_CODE.badConfiguration, `${where}: ${shown}: expected ${expected}`);
}

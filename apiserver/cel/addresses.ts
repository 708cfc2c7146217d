/** IP addresses and prefixes as Kubernetes' library for rules has them: strict text, families, containment. */
import { familyOf } from '../../lib/ip/prefix.ts';
import { parseIp } from '../../lib/ip/text.ts';
import { isCidr, isIpv4, isIpv6 } from '../schema/formats.ts';

export class IpAddress {
  readonly family: 4 | 6;
  readonly bits: bigint;
  readonly text: string;
  constructor(family: 4 | 6, bits: bigint, text: string) {
    this.family = family;
    this.bits = bits;
    this.text = text;
  }

  /** undefined when the text is no address; zones and IPv4 in IPv6 are none. */
  static parse(text: string): IpAddress | undefined {
    const isStrict = isIpv4(text) || (isIpv6(text) && !text.includes('.'));
    const address = isStrict ? parseIp(text) : undefined;
    return address === undefined ? undefined : new IpAddress(familyOf(address) === 'ipv4' ? 4 : 6, BigInt(address), text);
  }

  equals(other: IpAddress): boolean { return this.family === other.family && this.bits === other.bits; }

  /** Whether the address is in a prefix, given as text. */
  within(prefix: string): boolean { return Cidr.parse(prefix)!.contains(this); }

  get isUnspecified(): boolean { return this.bits === 0n; }
  get isLoopback(): boolean { return this.within('127.0.0.0/8') || this.within('::1/128'); }
  get isLinkLocalUnicast(): boolean { return this.within('169.254.0.0/16') || this.within('fe80::/10'); }
  get isLinkLocalMulticast(): boolean { return this.within('224.0.0.0/24') || this.within('ff02::/16'); }
  get isGlobalUnicast(): boolean {
    return !this.isUnspecified && !this.isLoopback && !this.isLinkLocalUnicast && !this.within('224.0.0.0/4') && !this.within('ff00::/8') && !this.within('255.255.255.255/32');
  }
}

export class Cidr {
  readonly ip: IpAddress;
  readonly length: number;
  constructor(ip: IpAddress, length: number) {
    this.ip = ip;
    this.length = length;
  }

  static parse(text: string): Cidr | undefined {
    if (!isCidr(text)) return undefined;
    const [address = '', length = ''] = text.split('/');
    const ip = IpAddress.parse(address);
    return ip === undefined ? undefined : new Cidr(ip, Number(length));
  }

  get #hostBits(): bigint { return BigInt((this.ip.family === 4 ? 32 : 128) - this.length); }
  get #network(): bigint { return (this.ip.bits >> this.#hostBits) << this.#hostBits; }

  masked(): Cidr { return new Cidr(new IpAddress(this.ip.family, this.#network, this.ip.text), this.length); }
  equals(other: Cidr): boolean { return this.length === other.length && this.ip.equals(other.ip); }
  contains(ip: IpAddress): boolean { return ip.family === this.ip.family && ip.bits >> this.#hostBits === this.ip.bits >> this.#hostBits; }
  containsCidr(other: Cidr): boolean { return other.length >= this.length && this.contains(other.ip); }
}

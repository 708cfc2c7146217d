/** X.509 version 3 certificates (RFC 5280) with EC keys: what is signed, and the finished certificate. */
import { isIpv4, isIpv6 } from '../schema/formats.ts';
import { bitString, boolean, explicit, implicit, integer, objectIdentifier, octetString, sequence, setOf, time, utf8 } from './der.ts';

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const COMMON_NAME = objectIdentifier('2.5.4.3');

export interface CertificateContent {
  /** Big-endian, positive, at most 20 bytes. */
  readonly serial: Uint8Array;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  /** SHA-1 of the keys, as identifiers. */
  readonly subjectKeyId: Uint8Array;
  readonly issuerKeyId: Uint8Array;
  readonly usage: { readonly type: 'authority' } | { readonly type: 'server'; readonly names: readonly string[] };
}

const distinguishedName = (name: string): Uint8Array => sequence(setOf(sequence(COMMON_NAME, utf8(name))));

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

function extensions(c: CertificateContent): Uint8Array {
  const identifiers = [extension('2.5.29.14', false, octetString(c.subjectKeyId)), extension('2.5.29.35', false, sequence(implicit(0, c.issuerKeyId)))];
  if (c.usage.type === 'authority') {
    return sequence(
      extension('2.5.29.19', true, sequence(boolean(true))),
      extension('2.5.29.15', true, bitString(Uint8Array.of(0b0000_0110), 1)), // keyCertSign, cRLSign
      ...identifiers,
    );
  }
  return sequence(
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bitString(Uint8Array.of(0b1000_0000), 7)), // digitalSignature
    extension('2.5.29.37', false, sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))), // serverAuth
    extension('2.5.29.17', false, sequence(...c.usage.names.map(alternativeName))),
    ...identifiers,
  );
}

/** An address or a DNS name. */
function alternativeName(name: string): Uint8Array {
  if (isIpv4(name)) return implicit(7, Uint8Array.from(name.split('.').map(Number)));
  if (isIpv6(name)) return implicit(7, ipv6Bytes(name));
  return implicit(2, Buffer.from(name, 'ascii'));
}

function ipv6Bytes(text: string): Uint8Array {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hex = tail === null ? text : `${tail[1]!}${[0, 2].map((i) => (Number(tail[i + 2]) * 256 + Number(tail[i + 3])).toString(16)).join(':')}`;
  const [head = [], rest = []] = hex.split('::').map((half) => half.split(':').filter((g) => g !== ''));
  const groups = [...head, ...Array.from({ length: 8 - head.length - rest.length }, () => '0'), ...rest].map((g) => Number.parseInt(g, 16));
  return Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 0xff]));
}

/** The part that is signed: TBSCertificate. */
export function toBeSigned(c: CertificateContent): Uint8Array {
  return sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(c.serial),
    ECDSA_WITH_SHA256,
    distinguishedName(c.issuer),
    sequence(time(c.notBefore), time(c.notAfter)),
    distinguishedName(c.subject),
    c.publicKey,
    explicit(3, extensions(c)),
  );
}

/** The certificate in PEM. `signature` is ECDSA with SHA-256 over `signed`, DER encoded. */
export function certificatePem(signed: Uint8Array, signature: Uint8Array): string {
  const der = Buffer.from(sequence(signed, ECDSA_WITH_SHA256, bitString(signature)));
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
}

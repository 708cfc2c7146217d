/** The server's own certificate authority, its certificate and the bearer token, kept in the data directory. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, timingSafeEqual, X509Certificate, type KeyObject } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { certificatePem, toBeSigned, type CertificateContent } from './pki/certificate.ts';

export interface Credentials {
  /** PEM of the authority, for kubeconfigs. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly token: string;
  /** Compares in a time that depends on the length alone. */
  readonly accepts: (authorization: string | undefined) => boolean;
}

const DAY_MS = 86_400_000;
const AUTHORITY_NAME = 'tortie-apiserver-ca';
const SERVER_NAME = 'tortie-apiserver';
const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 365;
/** A certificate is renewed at the start that finds less than this left. */
const RENEW_DAYS = 60;

/** Reads what is in `directory` and makes what is missing, expired or does not cover `names` (addresses or DNS names). */
export function credentialsIn(directory: string, names: readonly string[], nowMs: number): Credentials {
  const authority = authorityIn(directory, nowMs);
  const { certificate, key } = serverCertificateIn(directory, authority, names, nowMs);
  const token = keptIn(directory, 'token', () => randomBytes(32).toString('base64url'));
  const expected = Buffer.from(`Bearer ${token}`);
  return {
    authority: authority.certificate, certificate, key, token,
    accepts: (given) => { const bytes = Buffer.from(given ?? ''); return bytes.length === expected.length && timingSafeEqual(bytes, expected); },
  };
}

interface Authority { readonly certificate: string; readonly key: KeyObject }

function keptIn(directory: string, file: string, make: () => string): string {
  const path = join(directory, file);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  return writeSecret(path, make());
}

function writeSecret(path: string, text: string): string {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
  return text;
}

const newKey = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } }).privateKey;
const publicDer = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });
const keyId = (key: KeyObject): Buffer => createHash('sha1').update(publicDer(key)).digest();

/** A random positive number of 16 bytes. */
function serial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

function issue(content: CertificateContent, issuerKey: KeyObject): string {
  const signed = toBeSigned(content);
  return certificatePem(signed, sign('sha256', signed, issuerKey));
}

const validity = (nowMs: number, days: number): { notBefore: Date; notAfter: Date } => ({ notBefore: new Date(nowMs - DAY_MS), notAfter: new Date(nowMs + days * DAY_MS) });

function authorityIn(directory: string, nowMs: number): Authority {
  const key = createPrivateKey(keptIn(directory, 'ca.key', newKey));
  const certificate = keptIn(directory, 'ca.crt', () => issue({
    serial: serial(), subject: AUTHORITY_NAME, issuer: AUTHORITY_NAME, ...validity(nowMs, AUTHORITY_DAYS),
    publicKey: publicDer(key), subjectKeyId: keyId(key), issuerKeyId: keyId(key), usage: { type: 'authority' },
  }, key));
  return { certificate, key };
}

function serverCertificateIn(directory: string, authority: Authority, names: readonly string[], nowMs: number): { certificate: string; key: string } {
  const key = keptIn(directory, 'server.key', newKey);
  const path = join(directory, 'server.crt');
  if (existsSync(path)) {
    const certificate = readFileSync(path, 'utf8');
    if (isGood(certificate, authority, names, nowMs)) return { certificate, key };
  }
  const own = createPrivateKey(key);
  const certificate = issue({
    serial: serial(), subject: SERVER_NAME, issuer: AUTHORITY_NAME, ...validity(nowMs, SERVER_DAYS),
    publicKey: publicDer(own), subjectKeyId: keyId(own), issuerKeyId: keyId(authority.key), usage: { type: 'server', names },
  }, authority.key);
  return { certificate: writeSecret(path, certificate), key };
}

function isGood(pem: string, authority: Authority, names: readonly string[], nowMs: number): boolean {
  const certificate = new X509Certificate(pem);
  const covers = (name: string): boolean => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
  return certificate.verify(createPublicKey(authority.key)) && Date.parse(certificate.validTo) - nowMs > RENEW_DAYS * DAY_MS && names.every(covers);
}

/** A kubeconfig that is complete in itself. */
export function kubeconfigFor(credentials: Credentials, serverUrl: string): string {
  return [
    'apiVersion: v1', 'kind: Config',
    'clusters:', '- name: tortie', '  cluster:', `    server: ${JSON.stringify(serverUrl)}`, `    certificate-authority-data: ${Buffer.from(credentials.authority).toString('base64')}`,
    'users:', '- name: admin', '  user:', `    token: ${JSON.stringify(credentials.token)}`,
    'contexts:', '- name: tortie', '  context:', '    cluster: tortie', '    user: admin',
    'current-context: tortie', '',
  ].join('\n');
}

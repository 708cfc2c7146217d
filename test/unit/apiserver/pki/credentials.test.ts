import { expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentialsIn } from '../../../../apiserver/credentials.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

function inDirectory(body: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-credentials-'));
  try {
    body(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('the certificate is for every name and address, and signed by the authority', () => {
  inDirectory((directory) => {
    const { certificate, authority } = credentialsIn(directory, ['localhost', '127.0.0.1', '192.0.2.7', 'fd00::7', 'api.example'], NOW);
    const [own, issuer] = [new X509Certificate(certificate), new X509Certificate(authority)];
    for (const name of ['localhost', 'api.example']) expect(own.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '192.0.2.7', 'fd00::7']) expect(own.checkIP(address)).toBe(address);
    expect([own.checkHost('other.example'), own.checkIP('192.0.2.8')]).toEqual([undefined, undefined]);
    expect([own.checkIssued(issuer), own.verify(issuer.publicKey), issuer.verify(issuer.publicKey), issuer.ca, own.ca]).toEqual([true, true, true, true, false]);
    expect(own.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect([own.validFrom.includes('2029'), own.validTo.includes('2031'), issuer.validTo.includes('2039')]).toEqual([true, true, true]);
  });
});

test('what is there is kept; a new name or a late date makes a new certificate under the same authority', () => {
  inDirectory((directory) => {
    const first = credentialsIn(directory, ['a.example'], NOW);
    expect(credentialsIn(directory, ['a.example'], NOW + 100 * DAY_MS)).toMatchObject({ authority: first.authority, certificate: first.certificate, key: first.key, token: first.token });
    const named = credentialsIn(directory, ['a.example', 'b.example'], NOW);
    expect([named.authority === first.authority, named.certificate === first.certificate]).toEqual([true, false]);
    const late = credentialsIn(directory, ['a.example', 'b.example'], NOW + 320 * DAY_MS);
    expect([late.certificate === named.certificate, new X509Certificate(late.certificate).validTo.includes('2031')]).toEqual([false, true]);
  });
});

test('only the token opens', () => {
  inDirectory((directory) => {
    const { accepts, token } = credentialsIn(directory, ['a.example'], NOW);
    expect([accepts(`Bearer ${token}`), accepts(token), accepts(`Bearer ${token}x`), accepts(`Bearer ${token.slice(0, -1)}!`), accepts(''), accepts(undefined)]).toEqual([true, false, false, false, false, false]);
  });
});

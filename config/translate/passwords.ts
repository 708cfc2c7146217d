/** Passwords of sessions, which stand in Secrets. */
import type { Problem } from '../../lib/errors.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** What TCP-MD5 takes at most, octets (RFC 2385 as Linux has it). */
const MAXIMUM_OCTETS = 80;

/** As BGPPeer and BGPConfiguration name one key of one Secret. */
export type PasswordRef = { readonly secretKeyRef?: { readonly name: string; readonly key: string } } | undefined;

/** Names of all Secrets that BGP resources name. */
export function secretNames(cluster: Pick<ClusterSnapshot, 'BGPConfiguration' | 'BGPPeer'>): ReadonlySet<string> {
  const refs = [cluster.BGPConfiguration.get('default')?.spec.nodeMeshPassword, ...cluster.BGPPeer.values().map((p) => p.spec.password)];
  return new Set(refs.map((r) => r?.secretKeyRef?.name ?? '').filter((name) => name !== ''));
}

/**
 * Undefined: the session must not come up, since its password is not to be had; that is a problem at `path`. Calico
 * comes up without it meanwhile; but who asked for a password did so because somebody else might answer.
 */
export function passwordOf(cluster: ClusterSnapshot, ref: PasswordRef, path: string, problems: Problem[]): { readonly password?: string } | undefined {
  if (ref === undefined) return {};
  const { name = '', key = '' } = ref.secretKeyRef ?? {};
  const secret = cluster.Secret.get(name);
  const value = secret?.values[key];
  const wrong = name === '' ? 'no Secret is named: expected secretKeyRef with name and key'
    : secret === undefined ? `there is no Secret ${JSON.stringify(name)} in the agent's namespace: expected one with the key ${JSON.stringify(key)}`
      : secret.refused !== '' ? `Secret ${JSON.stringify(name)} may not be read (${secret.refused}): expected a Role that lets the agent watch it`
        : value === undefined ? `Secret ${JSON.stringify(name)} has no key ${JSON.stringify(key)}: expected one`
          : wrongValue(value, name, key);
  if (wrong === undefined) return { password: value! };
  problems.push({ path: `${path}.secretKeyRef`, message: `${wrong}; without its password a session does not come up` });
  return undefined;
}

/** Says what is wrong without saying the value. */
function wrongValue(value: string | null, name: string, key: string): string | undefined {
  const octets = value === null ? undefined : new TextEncoder().encode(value).length;
  const found = octets === undefined ? 'is not UTF-8' : octets === 0 ? 'is empty' : octets > MAXIMUM_OCTETS ? `has ${octets} octets` : undefined;
  return found === undefined ? undefined : `the value of ${JSON.stringify(key)} in Secret ${JSON.stringify(name)} ${found}: expected 1..${MAXIMUM_OCTETS} octets of UTF-8`;
}

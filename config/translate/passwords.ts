/** Passwords of sessions, which stand in Secrets. */
import type { Problem } from '../../lib/errors.ts';
import { octetsOf } from '../kinds/secret.ts';
import { MAXIMUM_PASSWORD_OCTETS as MAXIMUM_OCTETS } from '../messages/speaker-config.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** As BGPPeer and BGPConfiguration name one key of one Secret. */
export type PasswordRef = { readonly secretKeyRef?: { readonly name: string; readonly key: string } } | undefined;

/** Names of all Secrets that BGP resources name. */
export function secretNames(cluster: Pick<ClusterSnapshot, 'BGPConfiguration' | 'BGPPeer'>): ReadonlySet<string> {
  const refs = [cluster.BGPConfiguration.get('default')?.spec.nodeMeshPassword, ...cluster.BGPPeer.values().map((p) => p.spec.password)];
  return new Set(refs.map((r) => r?.secretKeyRef?.name ?? '').filter((name) => name !== ''));
}

/**
 * Undefined: the session must not come up, since its password is not to be had; that is a problem at `path`. Calico
 * comes up without it meanwhile; but who asked for a password did so because somebody else might answer. One that was known
 * and is gone stays in force: a Secret that is deleted and made again must not end every session of the mesh.
 */
export function passwordOf(cluster: ClusterSnapshot, ref: PasswordRef, path: string, problems: Problem[]): { readonly password?: string } | undefined {
  if (ref === undefined) return {};
  const { name = '', key = '' } = ref.secretKeyRef ?? {};
  const secret = cluster.Secret.get(name);
  const value = secret?.values[key];
  const wrong = name === '' ? 'no Secret is named: expected secretKeyRef with name and key'
    : secret === undefined || secret.isGone === true ? `there is no Secret ${JSON.stringify(name)} in the agent's namespace: expected one with the key ${JSON.stringify(key)}`
      : secret.refused !== '' ? `Secret ${JSON.stringify(name)} may not be read (${secret.refused}): expected a Role that lets the agent watch it`
        : value === undefined ? `Secret ${JSON.stringify(name)} has no key ${JSON.stringify(key)}: expected one`
          : wrongValue(value, name, key);
  if (wrong === undefined) return { password: value! };
  const known = secret?.before?.[key];
  const consequence = known === undefined ? 'without its password a session does not come up' : 'the password that was known stays in force until the agent is started again';
  problems.push({ path: `${path}.secretKeyRef`, message: `${wrong}; ${consequence}` });
  return known === undefined ? undefined : { password: known };
}

/** Says what is wrong without saying the value. */
function wrongValue(value: string | null, name: string, key: string): string | undefined {
  const octets = value === null ? undefined : octetsOf(value);
  const found = octets === undefined ? 'is not UTF-8' : octets === 0 ? 'is empty' : octets > MAXIMUM_OCTETS ? `has ${octets} octets` : undefined;
  return found === undefined ? undefined : `the value of ${JSON.stringify(key)} in Secret ${JSON.stringify(name)} ${found}: expected 1..${MAXIMUM_OCTETS} octets of UTF-8`;
}

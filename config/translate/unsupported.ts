/** Settings that would change forwarding and are not built yet: said aloud instead of ignored. */
import type { Problem } from '../../lib/errors.ts';
import type { FelixConfiguration } from '../kinds/felix-configuration.ts';
import type { LocalNode } from './local-node.ts';

type Felix = FelixConfiguration['spec'];
/** Field, whether it asks for something, and what becomes of it. */
type Row<T> = readonly [field: keyof T & string, asks: (settings: T) => boolean, consequence: string];

const FELIX: readonly Row<Felix>[] = [
  ['wireguardEnabled', (s) => s.wireguardEnabled === true, 'WireGuard is not built yet: expected false; packets travel in the clear'],
  ['wireguardEnabledV6', (s) => s.wireguardEnabledV6 === true, 'WireGuard is not built yet: expected false; packets travel in the clear'],
  ['bpfEnabled', (s) => s.bpfEnabled === true, 'there is no eBPF data plane here: expected false'],
];

export function unsupported(local: LocalNode): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['default', `node.${local.node.name}`]) {
    const felix = local.cluster.FelixConfiguration.get(name);
    if (felix !== undefined) problems.push(...rowsOf(`FelixConfiguration/${name}`, FELIX, felix.spec));
  }
  return problems;
}

const rowsOf = <T>(path: string, rows: readonly Row<T>[], settings: T): Problem[] =>
  rows.filter(([, asks]) => asks(settings)).map(([field, , message]) => ({ path: `${path}.spec.${field}`, message }));

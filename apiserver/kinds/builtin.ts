/** The built-in kinds as resource types. */
import { definition } from '../schema/definitions.ts';
import { BUILTIN_ROWS, type BuiltinRow } from './builtin-rows.ts';
import { BUILTIN_COLUMNS } from './columns.ts';
import type { ResourceType, Strategy } from './resource-type.ts';
import { STRATEGIES } from './strategies.ts';

const PLAIN: Strategy = {};

export function builtinTypes(): ResourceType[] {
  return BUILTIN_ROWS.map(builtinType);
}

function builtinType(row: BuiltinRow): ResourceType {
  const strategy = STRATEGIES[row.kind] ?? PLAIN;
  const { group, version, plural, kind } = row;
  return {
    group, version, plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List`,
    namespaced: row.scope === 'Namespaced', shortNames: row.shortNames ?? [], categories: row.categories ?? [],
    status: row.status === true, generation: row.generation === true, conditionalUpdate: row.conditionalUpdate === true, returnsDeleted: row.returnsDeleted === true,
    custom: false, storageVersion: version, schemaSince: 0,
    root: definition(row.definition), storageRoot: definition(row.definition),
    strategy, selectable: ['metadata.name', ...(row.scope === 'Namespaced' || kind === 'Event' ? ['metadata.namespace'] : []), ...(strategy.selectable ?? [])],
    columns: BUILTIN_COLUMNS[kind],
    ...(row.deprecation === undefined ? {} : { deprecation: row.deprecation }),
  };
}

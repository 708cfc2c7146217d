/** DELETE of a collection: everything that the selectors select. */
import { parseListOptions } from './api/list-options.ts';
import type { Core, ResourceRequest } from './core.ts';
import { methodNotAllowed } from './api/status.ts';
import { parseDeleteOptions, removeObject } from './deletes.ts';
import { apiVersionOf } from './kinds/resource-type.ts';
import { isNamespace } from './namespaces.ts';
import { objectOf } from './object-store.ts';
import { list } from './reads.ts';

/** The list of what was deleted or is going to be. Throws ApiError. */
export function removeCollection(core: Core, request: ResourceRequest): unknown {
  const { type } = request;
  if (isNamespace(type)) throw methodNotAllowed();
  const options = parseDeleteOptions(request.body, request.query);
  const { rows, meta } = list(core, type, request.namespace, parseListOptions(request.query));
  const items = rows.map((row) => removeObject(core, type, { row, object: objectOf(type, row.body, row.rv) }, options).object)
    .map(({ kind, apiVersion, ...rest }) => (type.custom ? { kind, apiVersion, ...rest } : rest));
  return { kind: type.listKind, apiVersion: apiVersionOf(type), metadata: { ...(type.custom ? { continue: '' } : {}), resourceVersion: meta.resourceVersion }, items };
}

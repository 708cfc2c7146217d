/** GET of an object or a list: selectors, pages, lists as of an earlier resourceVersion. */
import { continueToken, parseContinueToken, type Continuation, type ListOptions } from './api/list-options.ts';
import type { ListMeta } from './api/tables.ts';
import { type ApiError, badRequest, expired, notFound, resourceVersionTooLarge } from './api/status.ts';
import { subjectOf, type Core } from './core.ts';
import type { ResourceType } from './kinds/resource-type.ts';
import type { ApiObject } from './objects/object.ts';
import { objectOf, rangeOf, textOf, type Range } from './object-store.ts';
import { parseFieldSelector } from './selectors/field-selector.ts';
import { parseLabelSelector } from './selectors/label-selector.ts';
import type { Row } from './store.ts';

/** The text of one object. Throws ApiError 404. */
export function readText(core: Core, type: ResourceType, namespace: string | undefined, name: string): string {
  const row = core.objects.readRow(type, namespace, name);
  if (row === undefined) throw notFound(subjectOf(type), name);
  return textOf(type, row.body, row.rv);
}

/** Which objects a list or watch is about; undefined selects all. */
export type Selects = ((object: ApiObject) => boolean) | undefined;

export interface Selection { readonly selects: Selects; readonly range: Range }

/** From the selectors and the namespace. A selector by name narrows the range. Throws ApiError 400. */
export function selectionOf(type: ResourceType, namespace: string | undefined, options: ListOptions): Selection {
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector, type.selectable, type.strategy.selectable !== undefined && type.group === '');
  const range = rangeOf(namespace);
  const direct = fields?.name !== undefined && (namespace !== undefined || !type.namespaced);
  const path = namespace === undefined ? fields?.name : `${namespace}/${fields?.name ?? ''}`;
  const narrowed = direct && path !== undefined ? { from: path, to: `${path}\0` } : range;
  if (labels === undefined && fields === undefined) return { selects: undefined, range };
  return {
    selects: (object) => (labels === undefined || labels(object.metadata.labels ?? {})) && (fields === undefined || fields.test(object)),
    range: narrowed,
  };
}

export interface ListResult { readonly rows: readonly Row[]; readonly meta: ListMeta }

/** Throws ApiError: 400, 410 when what is asked for is compacted, 504 when it is still to come. */
export function list(core: Core, type: ResourceType, namespace: string | undefined, options: ListOptions): ListResult {
  const { selects, range } = selectionOf(type, namespace, options);
  if (options.continue !== '' && options.resourceVersion !== undefined && options.resourceVersion !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const going = options.continue === '' ? undefined : parseContinueToken(options.continue);
  const at = going === undefined ? exactVersion(core, options) : going.rv === -1 ? undefined : going.rv;
  if (at !== undefined && at < core.objects.compacted) throw going === undefined ? expired(`The provided resource version is too old: ${at}`) : expiredPage(going);
  const revision = at ?? core.objects.revision;
  const from = going === undefined ? range.from : `${going.start}\0`;
  const part = { from: from > range.from ? from : range.from, to: range.to };
  const { rows, more } = page(core, type, part, selects, options.limit, at);
  return { rows, meta: { ...(type.custom ? { continue: '' } : {}), resourceVersion: String(revision), ...(more ? moreOf(core, type, part, rows, revision, selects) : {}) } };
}

/** The resourceVersion of which exactly the list is wanted; undefined: as of now, which is never older than what is asked. */
function exactVersion(core: Core, options: ListOptions): number | undefined {
  const { resourceVersion: asked, match, limit } = options;
  if (asked === undefined || asked === 0) return undefined;
  if (asked > core.objects.revision) throw resourceVersionTooLarge(asked, core.objects.revision);
  return match === 'Exact' || (match === '' && limit !== undefined) ? asked : undefined;
}

const expiredPage = (going: Continuation): ApiError => expired(
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  continueToken({ rv: -1, start: going.start }),
);

function page(core: Core, type: ResourceType, range: Range, selects: Selects, limit: number | undefined, at: number | undefined): { rows: Row[]; more: boolean } {
  if (selects === undefined) {
    const rows = core.objects.list(type, range, limit === undefined ? undefined : limit + 1, at);
    return limit === undefined || rows.length <= limit ? { rows, more: false } : { rows: rows.slice(0, limit), more: true };
  }
  const rows: Row[] = [];
  for (const row of core.objects.list(type, range, undefined, at)) {
    if (!selects(objectOf(type, row.body, row.rv))) continue;
    if (rows.length === limit) return { rows, more: true };
    rows.push(row);
  }
  return { rows, more: false };
}

/** How to go on; how much is left is known only without selectors. */
function moreOf(core: Core, type: ResourceType, range: Range, rows: readonly Row[], revision: number, selects: Selects): Pick<ListMeta, 'continue' | 'remainingItemCount'> {
  const last = rows.at(-1)!;
  const token = continueToken({ rv: revision, start: last.path });
  if (selects !== undefined) return { continue: token };
  return { continue: token, remainingItemCount: core.objects.count(type, { from: `${last.path}\0`, to: range.to }, revision) };
}

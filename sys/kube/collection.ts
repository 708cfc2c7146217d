/** Where things are on the API server, and how a collection is read page by page. */
import type { KubeObject, ListOptions, Resource } from './client.ts';
import { isGood, objectOf, refusal } from './status.ts';
import type { Answer } from './transport.ts';

/** Objects asked for in one answer of a list. */
const PAGE = 500;

/** `/api/v1/namespaces/NS/pods/NAME`, `/apis/GROUP/VERSION/PLURAL`, … */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const base = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const space = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${base}${space}/${resource.plural}${object}${subresource === undefined ? '' : `/${subresource}`}`;
}

export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams(Object.entries(parameters).filter((e): e is [string, string] => e[1] !== undefined)).toString();
  return query === '' ? '' : `?${query}`;
}

/** A GET that repeats itself a few times. */
export type Read = (path: string) => Promise<Answer>;

/**
 * Reads a collection page by page. A continue token that has expired (410) starts it again, once, as one page: `restart`
 * says that what was handed on so far is void. Rejects with OperationError KUBE_REFUSED.
 */
export async function listPages<T extends KubeObject>(
  read: Read, resource: Resource, options: ListOptions, restart: () => void, page: (items: readonly T[], resourceVersion: string) => void,
): Promise<void> {
  let limit: string | undefined = String(PAGE);
  let next: string | undefined;
  for (;;) {
    const path = pathOf(resource, options.namespace) + queryOf({ ...selectorsOf(options), limit, continue: next });
    const answer = await read(path);
    if (answer.status === 410 && next !== undefined && limit !== undefined) {
      [limit, next] = [undefined, undefined];
      restart();
      continue;
    }
    if (!isGood(answer)) throw refusal(answer, `GET ${path}`);
    const list = objectOf<WireList<T>>(answer, path);
    // Items of a list carry neither apiVersion nor kind.
    const named = { apiVersion: list.apiVersion ?? '', kind: (list.kind ?? '').replace(/List$/, '') };
    const items = Array.isArray(list.items) ? (list.items as readonly T[]).filter(hasName) : [];
    page(items.map((item) => ({ ...named, ...item })), list.metadata?.resourceVersion ?? '');
    next = list.metadata?.continue === '' ? undefined : list.metadata?.continue;
    if (next === undefined) return;
  }
}

interface WireList<T> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

const hasName = (item: { readonly metadata?: { readonly name?: unknown } } | null): boolean => typeof item?.metadata?.name === 'string';

export const selectorsOf = (options: ListOptions): Record<string, string | undefined> =>
  ({ labelSelector: options.labelSelector, fieldSelector: options.fieldSelector });

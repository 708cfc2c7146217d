/** Objects and names for the contract's tests; every test has names of its own, so that they do not disturb each other. */
import { randomBytes } from 'node:crypto';
import { eventually } from '../support/eventually.ts';
import type { Api, Body } from './api.ts';
import type { TestServer } from './server.ts';

/** A suite is told how to get at the server, which is started before its tests run. */
export type Suite = (server: () => TestServer) => void;

export const unique = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`;

/** Creates a namespace; returns its name. */
export async function newNamespace(api: Api): Promise<string> {
  const name = unique('contract');
  await created(api, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** POSTs and expects 201; returns the object. */
export async function created(api: Api, path: string, object: unknown): Promise<Body> {
  const reply = await api.post(path, object);
  if (reply.status !== 201) throw new Error(`POST ${path}: ${reply.status} ${reply.text}`);
  return reply.body;
}

export const configMap = (name: string, data?: Record<string, string>, metadata: Record<string, unknown> = {}): Body =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, ...(data === undefined ? {} : { data }) });

export const secret = (name: string): Body => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } });

export const pod = (name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): Body =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { containers: [{ name: 'c', image: 'registry.example/c:1' }], ...spec } });

export interface CustomKind { readonly group: string; readonly collection: string; readonly definition: string; readonly apiVersion: string; object(name: string, rest?: Record<string, unknown>): Body }

export interface KindOptions {
  readonly schema?: Record<string, unknown>;
  readonly version?: Record<string, unknown>;
  readonly names?: Record<string, unknown>;
  readonly scope?: 'Cluster' | 'Namespaced';
}

export const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Defines a kind Widget in a group of its own, and returns once it is served. */
export async function defineWidgets(api: Api, options: KindOptions = {}): Promise<CustomKind> {
  const group = `${unique('g')}.example`;
  const scope = options.scope ?? 'Cluster';
  const collection = `/apis/${group}/v1/${scope === 'Cluster' ? '' : 'namespaces/default/'}widgets`;
  await created(api, DEFINITIONS, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `widgets.${group}` },
    spec: {
      group, scope, names: { plural: 'widgets', kind: 'Widget', ...options.names },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: options.schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }, ...options.version }],
    },
  });
  await untilServed(api, collection);
  const apiVersion = `${group}/v1`;
  return { group, collection, definition: `${DEFINITIONS}/widgets.${group}`, apiVersion, object: (name, rest = {}) => ({ apiVersion, kind: 'Widget', metadata: { name }, ...rest }) };
}

/** A kube-apiserver serves a new definition a moment after it was created, and may answer 404 for another moment. */
export async function untilServed(api: Api, collection: string): Promise<void> {
  await eventually(15_000, async () => {
    const { status, text } = await api.get(collection);
    if (status !== 200) throw new Error(text);
  });
}

/** An object schema. */
export const object = (properties: Record<string, unknown>, rest: Record<string, unknown> = {}): Record<string, unknown> => ({ type: 'object', properties, ...rest });

/** The causes of an invalid object as `field: message`, sorted, each once. */
export const causesOf = (body: Body): string[] => {
  const { details } = body as { details?: { causes?: { field: string; message: string }[] } };
  return [...new Set((details?.causes ?? []).map((c) => `${c.field}: ${c.message}`))].sort();
};

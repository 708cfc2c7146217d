/** IPAM objects in the Kubernetes API: typed, lossless, every write a compare-and-swap whose loss is a value. */
import type { KindName, ResourceOfKind } from '../config/kinds/kinds.ts';
import { API_VERSION } from '../config/kinds/kind.ts';
import type { Storage } from '../config/storage/storage.ts';
import { OperationError, showProblem } from '../lib/errors.ts';
import type { KubeClient, KubeObject } from '../sys/kube/client.ts';

export type IpamKind = Extract<KindName, 'BlockAffinity' | 'IPAMBlock' | 'IPAMHandle'>;

export interface IpamStore {
  /**
   * The object, to be changed and written back. One whose deletion has begun (`spec.deleted`) is deleted for good and
   * counts as absent. Rejects with IPAM_OBJECT when it holds something we cannot read, and so must not write.
   */
  get<K extends IpamKind>(kind: K, name: string): Promise<ResourceOfKind<K> | undefined>;
  /** What there is, to look at. Objects that cannot be read at all, or whose deletion has begun, are left out. */
  list<K extends IpamKind>(kind: K, labelSelector?: string): Promise<ResourceOfKind<K>[]>;
  create<K extends IpamKind>(kind: K, name: string, spec: ResourceOfKind<K>['spec'], labels?: Readonly<Record<string, string>>): Promise<ResourceOfKind<K> | 'exists'>;
  /** Replaces the object that was read. */
  update<K extends IpamKind>(kind: K, value: ResourceOfKind<K>): Promise<ResourceOfKind<K> | 'conflict' | 'gone'>;
  /**
   * Deletes the object that was read, if it is still as it was read. Calico writes `deleted: true` first, because it
   * deletes by UID alone; naming the revision too makes one request as safe as its two.
   */
  remove<K extends IpamKind>(kind: K, value: ResourceOfKind<K>): Promise<'deleted' | 'gone' | 'conflict'>;
}

export function ipamStore(kube: KubeClient, storage: Storage): IpamStore {
  const strict = <K extends IpamKind>(kind: K, object: KubeObject): ResourceOfKind<K> => {
    const { value, problems } = storage.fromStored(kind, object);
    if (value !== undefined && problems.length === 0) return value;
    throw new OperationError('IPAM_OBJECT', { kind, name: object.metadata.name }, new Error(problems.map(showProblem).join('; ')));
  };
  const remove: IpamStore['remove'] = (kind, value) => {
    const { name, uid, resourceVersion } = value.metadata;
    return kube.delete(storage.resource(kind), name, {
      ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }),
    });
  };
  return {
    remove,
    get: async (kind, name) => {
      const object = await kube.get(storage.resource(kind), name);
      if (object === undefined) return undefined;
      const value = strict(kind, object);
      if (!value.spec.deleted) return value;
      await remove(kind, value);
      return undefined;
    },
    list: async <K extends IpamKind>(kind: K, labelSelector?: string) => {
      const { items } = await kube.list(storage.resource(kind), labelSelector === undefined ? {} : { labelSelector });
      return items.flatMap((item) => {
        const { value } = storage.fromStored(kind, item);
        return value === undefined || value.spec.deleted ? [] : [value];
      });
    },
    create: async <K extends IpamKind>(kind: K, name: string, spec: ResourceOfKind<K>['spec'], labels?: Readonly<Record<string, string>>) => {
      const metadata = { name, ...(labels === undefined ? {} : { labels }) };
      const value = { apiVersion: API_VERSION, kind, metadata, spec } as unknown as ResourceOfKind<K>;
      const created = await kube.create<KubeObject>(storage.resource(kind), storage.toStored(kind, value));
      return created === 'exists' ? created : strict(kind, created);
    },
    update: async (kind, value) => {
      const updated = await kube.update<KubeObject>(storage.resource(kind), storage.toStored(kind, value));
      return typeof updated === 'string' ? updated : strict(kind, updated);
    },
  };
}

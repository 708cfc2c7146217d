/** POST of a pod's `binding`: a scheduler says on which node it runs. */
import { parseBody } from './api/decode.ts';
import { parseWriteOptions } from './api/list-options.ts';
import { badRequest, conflict, notFound } from './api/status.ts';
import { subjectOf, timestamp, type Core, type Outcome, type ResourceRequest } from './core.ts';
import { cloneJson, fieldAt, type ApiObject } from './objects/object.ts';
import { section } from './kinds/sections.ts';

export const isBinding = (request: { readonly type: { readonly group: string; readonly plural: string }; readonly subresource: string | undefined }): boolean =>
  request.type.group === '' && request.type.plural === 'pods' && request.subresource === 'binding';

/** Throws ApiError: 404, or 409 when the pod has a node already. */
export function bind(core: Core, request: ResourceRequest): Outcome {
  const { type, name } = request;
  const { dryRun } = parseWriteOptions(request.query, 'CreateOptions');
  const binding = parseBody(type, request.body);
  const node = fieldAt(binding, 'target', 'name');
  const kind = fieldAt(binding, 'target', 'kind') ?? 'Node';
  if (typeof node !== 'string' || node === '' || kind !== 'Node') throw badRequest(`Binding.target: ${JSON.stringify(binding['target'])} is not a node: expected {kind: Node, name: …}`);
  const old = core.objects.read(type, request.namespace, name);
  if (old === undefined) throw notFound(subjectOf(type), name);
  if (old.object.metadata.deletionTimestamp !== undefined) throw conflict({ ...subjectOf(type), plural: 'pods/binding' }, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const before = fieldAt(old.object, 'spec', 'nodeName');
  if (typeof before === 'string' && before !== '') throw conflict({ ...subjectOf(type), plural: 'pods/binding' }, name, `pod ${name} is already assigned to node ${JSON.stringify(before)}`);
  const bound: ApiObject = cloneJson(old.object);
  section(bound, 'spec')['nodeName'] = node;
  const status = section(bound, 'status');
  const conditions = Array.isArray(status['conditions']) ? (status['conditions'] as unknown[]) : [];
  const scheduled = conditions.find((c) => fieldAt(c, 'type') === 'PodScheduled');
  if (fieldAt(scheduled, 'status') !== 'True') {
    status['conditions'] = [...conditions.filter((c) => c !== scheduled), { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: timestamp(core.clock) }];
  }
  if (!dryRun) core.objects.write(type, bound, old);
  return { code: 201, other: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

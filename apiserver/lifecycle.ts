/** Joins what the server does about namespaces and about definitions of custom resources into the one interface verbs know. */
import type { Core, Lifecycle } from './core.ts';
import { definitionChanged, definitionRefusal, definitionRemoved, instanceRemoved, prepareDefinition, terminateDefinition } from './definitions.ts';
import { isDefinition } from './kinds/custom.ts';
import { contentRemoved, isNamespace, namespaceRefusal, terminateNamespace } from './namespaces.ts';

export const lifecycleOf = (core: () => Core): Lifecycle => ({
  prepare(type, object, old) {
    if (isDefinition(type)) prepareDefinition(core(), object, old);
  },
  refusal: (type, object) => namespaceRefusal(core(), type, object) ?? definitionRefusal(core(), type),
  changed(type, object, old) {
    if (isDefinition(type)) definitionChanged(core(), object, old);
  },
  terminate(type, stored, dryRun) {
    if (isNamespace(type)) return terminateNamespace(core(), type, stored, dryRun);
    if (isDefinition(type)) return terminateDefinition(core(), type, stored, dryRun);
    return undefined;
  },
  removed(type, object) {
    if (isDefinition(type)) definitionRemoved(core(), object);
    if (type.custom) instanceRemoved(core(), type);
    if (type.namespaced) contentRemoved(core(), object.metadata.namespace!);
  },
});

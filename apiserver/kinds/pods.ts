/** Pods: the defaults a pod gets, what of it may change, and how long it may take to end. */
import { fieldAt, isObject, sameJson, type ApiObject, type JsonObject } from '../objects/object.ts';
import { nameProblems } from '../objects/names.ts';
import { duplicate, forbiddenField, invalidValue, required, type FieldError } from '../schema/field-error.ts';
import { setDefault, section } from './sections.ts';

const CONTAINER_LISTS = ['initContainers', 'containers'] as const;

const containersOf = (spec: JsonObject, list: string): JsonObject[] => (Array.isArray(spec[list]) ? spec[list].filter(isObject) : []);

export function preparePod(object: ApiObject): void {
  const spec = section(object, 'spec');
  for (const [field, value] of Object.entries({ restartPolicy: 'Always', terminationGracePeriodSeconds: 30, dnsPolicy: 'ClusterFirst', securityContext: {}, schedulerName: 'default-scheduler', enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority', priority: 0 })) setDefault(spec, field, value);
  for (const list of CONTAINER_LISTS) for (const container of containersOf(spec, list)) prepareContainer(container, spec['hostNetwork'] === true);
  prepareTolerations(spec);
}

function prepareContainer(container: JsonObject, hostNetwork: boolean): void {
  const image = typeof container['image'] === 'string' ? container['image'] : '';
  const tag = /:([^/@]+)$/.exec(image)?.[1];
  setDefault(container, 'resources', {});
  setDefault(container, 'terminationMessagePath', '/dev/termination-log');
  setDefault(container, 'terminationMessagePolicy', 'File');
  setDefault(container, 'imagePullPolicy', (tag === undefined && !image.includes('@')) || tag === 'latest' ? 'Always' : 'IfNotPresent');
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) if (isObject(container[probe])) prepareProbe(container[probe]);
  for (const variable of Array.isArray(container['env']) ? container['env'] as unknown[] : []) {
    if (!isObject(variable)) continue;
    if (variable['value'] === '') delete variable['value'];
    const reference = fieldAt(variable, 'valueFrom', 'fieldRef');
    if (isObject(reference)) setDefault(reference, 'apiVersion', 'v1');
  }
  for (const port of Array.isArray(container['ports']) ? container['ports'] as unknown[] : []) {
    if (!isObject(port)) continue;
    if (hostNetwork) setDefault(port, 'hostPort', port['containerPort']);
    setDefault(port, 'protocol', 'TCP');
  }
}

function prepareProbe(probe: JsonObject): void {
  for (const [field, value] of Object.entries({ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 })) setDefault(probe, field, value);
  if (!isObject(probe['httpGet'])) return;
  setDefault(probe['httpGet'], 'path', '/');
  setDefault(probe['httpGet'], 'scheme', 'HTTP');
}

/** A pod stays five minutes on a node that is not ready, as the admission plugin of a real server says. */
function prepareTolerations(spec: JsonObject): void {
  const present = Array.isArray(spec['tolerations']) ? spec['tolerations'] as unknown[] : [];
  const covered = (key: string): boolean => present.some((t) => isObject(t) && (t['key'] === key || t['key'] === undefined || t['key'] === '') && (t['effect'] === 'NoExecute' || t['effect'] === undefined || t['effect'] === ''));
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter((key) => !covered(key))
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  if (added.length > 0) spec['tolerations'] = [...present, ...added];
}

const CHANGEABLE: ReadonlySet<string> = new Set(['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds', 'containers', 'initContainers', 'schedulingGates', 'nodeSelector', 'affinity']);

export function podErrors(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const errors: FieldError[] = [];
  if (containersOf(spec, 'containers').length === 0) errors.push(required('spec.containers'));
  for (const list of CONTAINER_LISTS) {
    const containers = containersOf(spec, list);
    const names = containers.map((c) => c['name']);
    for (const [i, container] of containers.entries()) {
      const path = `spec.${list}[${i}]`;
      if (typeof container['image'] !== 'string' || container['image'] === '') errors.push(required(`${path}.image`));
      if (typeof container['name'] === 'string' && container['name'] !== '') errors.push(...nameProblems('label', container['name']).map((p) => invalidValue(`${path}.name`, container['name'], p)));
      if (names.indexOf(container['name']) < i) errors.push(duplicate(`${path}.name`, container['name']));
      errors.push(...portErrors(container, path));
    }
  }
  if (old !== undefined && isObject(old['spec'])) errors.push(...changeErrors(spec, old['spec']));
  return errors;
}

function portErrors(container: JsonObject, path: string): FieldError[] {
  return (Array.isArray(container['ports']) ? container['ports'].filter(isObject) : []).flatMap((port, i) => {
    const { containerPort } = port;
    if (containerPort === 0 || containerPort === undefined) return [required(`${path}.ports[${i}].containerPort`)];
    return typeof containerPort === 'number' && containerPort > 0 && containerPort <= 65535 ? [] : [invalidValue(`${path}.ports[${i}].containerPort`, containerPort, 'must be between 1 and 65535, inclusive')];
  });
}

/** Containers with what may change taken out: only the image may. */
const fixedPart = (spec: JsonObject): JsonObject => {
  const fixed: JsonObject = Object.fromEntries(Object.entries(spec).filter(([field]) => !CHANGEABLE.has(field)));
  for (const list of CONTAINER_LISTS) fixed[list] = containersOf(spec, list).map(({ image: _image, ...rest }) => rest);
  return fixed;
};

function changeErrors(spec: JsonObject, old: JsonObject): FieldError[] {
  if (sameJson(fixedPart(spec), fixedPart(old))) return [];
  return [forbiddenField('spec', 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)')];
}

/** Seconds; a pod that no kubelet runs, or that has ended, goes at once. */
export function podGraceSeconds(object: ApiObject, asked: number | undefined): number {
  const phase = fieldAt(object, 'status', 'phase');
  if (asked === 0 || (fieldAt(object, 'spec', 'nodeName') ?? '') === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  const own = fieldAt(object, 'spec', 'terminationGracePeriodSeconds');
  return asked ?? (typeof own === 'number' ? own : 0);
}


/** What is wrong with a NetworkPolicy beyond its schema: selectors, address blocks, ports. */
import { fieldAt, isObject, type ApiObject, type JsonObject } from '../objects/object.ts';
import { labelErrors } from '../objects/names.ts';
import { forbiddenField, invalidValue, required, type FieldError } from '../schema/field-error.ts';
import { isCidr } from '../schema/formats.ts';

const objectsAt = (value: unknown, field: string): JsonObject[] => { const list = fieldAt(value, field); return Array.isArray(list) ? list.filter(isObject) : []; };

export function networkPolicyErrors(object: ApiObject): FieldError[] {
  const spec = isObject(object['spec']) ? object['spec'] : {};
  const side = (name: 'ingress' | 'egress', peers: string): FieldError[] => objectsAt(spec, name).flatMap((rule, i) => [
    ...objectsAt(rule, 'ports').flatMap((port, n) => portErrors(port, `spec.${name}[${i}].ports[${n}]`)),
    ...objectsAt(rule, peers).flatMap((peer, n) => peerErrors(peer, `spec.${name}[${i}].${peers}[${n}]`)),
  ]);
  return [...selectorErrors(spec['podSelector'], 'spec.podSelector'), ...side('ingress', 'from'), ...side('egress', 'to')];
}

export function selectorErrors(selector: unknown, path: string): FieldError[] {
  const expressions = objectsAt(selector, 'matchExpressions').flatMap((e, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    const count = Array.isArray(e['values']) ? e['values'].length : 0;
    switch (e['operator']) {
      case 'In': case 'NotIn': return count === 0 ? [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")] : [];
      case 'Exists': case 'DoesNotExist': return count > 0 ? [forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")] : [];
      default: return [invalidValue(`${at}.operator`, e['operator'] ?? '', 'not a valid selector operator')];
    }
  });
  return [...labelErrors(fieldAt(selector, 'matchLabels'), `${path}.matchLabels`), ...expressions];
}

function portErrors(port: JsonObject, path: string): FieldError[] {
  const { port: first, endPort } = port;
  const errors: FieldError[] = [];
  if (typeof first === 'number' && (first < 1 || first > 65535)) errors.push(invalidValue(`${path}.port`, first, 'must be between 1 and 65535, inclusive'));
  if (typeof endPort !== 'number') return errors;
  if (first === undefined) errors.push(invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified'));
  else if (typeof first !== 'number') errors.push(invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
  else if (endPort < first) errors.push(invalidValue(`${path}.endPort`, endPort, 'must be greater than or equal to `port`'));
  else if (endPort > 65535) errors.push(invalidValue(`${path}.endPort`, endPort, 'must be between 1 and 65535, inclusive'));
  return errors;
}

function peerErrors(peer: JsonObject, path: string): FieldError[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const errors = [...selectorErrors(podSelector, `${path}.podSelector`), ...selectorErrors(namespaceSelector, `${path}.namespaceSelector`)];
  if (podSelector === undefined && namespaceSelector === undefined && ipBlock === undefined) errors.push(required(path, 'must specify a peer'));
  if (ipBlock === undefined) return errors;
  if (podSelector !== undefined || namespaceSelector !== undefined) errors.push(forbiddenField(path, 'may not specify both ipBlock and another peer'));
  const cidr = fieldAt(ipBlock, 'cidr');
  if (typeof cidr !== 'string' || cidr === '') errors.push(required(`${path}.ipBlock.cidr`));
  else errors.push(...cidrErrors(cidr, `${path}.ipBlock.cidr`));
  const except = fieldAt(ipBlock, 'except');
  return [...errors, ...(Array.isArray(except) ? except.flatMap((e, i) => cidrErrors(String(e), `${path}.ipBlock.except[${i}]`)) : [])];
}

const cidrErrors = (cidr: string, path: string): FieldError[] => (isCidr(cidr) ? [] : [invalidValue(path, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')]);

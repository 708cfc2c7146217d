/** The JSON paths of printer columns: fields, indices, wildcards and simple filters. */
import { isObject, type ApiObject } from '../objects/object.ts';
import { ageSince } from './age.ts';

type Step = (values: readonly unknown[]) => unknown[];

const field = (name: string): Step => (values) => values.flatMap((v) => (isObject(v) && Object.hasOwn(v, name) ? [v[name]] : []));
const wildcard: Step = (values) => values.flatMap((v) => (Array.isArray(v) ? (v as unknown[]) : isObject(v) ? Object.values(v) : []));
const index = (at: number): Step => (values) => values.flatMap((v) => (Array.isArray(v) && v.at(at) !== undefined ? [v.at(at) as unknown] : []));
const filter = (name: string, equal: boolean, wanted: string): Step => (values) => values.flatMap((v) => (Array.isArray(v)
  ? (v as unknown[]).filter((item) => isObject(item) && (String(item[name]) === wanted) === equal) : []));

/** Steps of a path such as `.status.conditions[?(@.type=="Ready")].status`; undefined when it is not one that is understood. */
export function parseJsonPath(path: string): Step[] | undefined {
  const steps: Step[] = [];
  for (let rest = path.replace(/^\{(.*)\}$/, '$1').replace(/^\$/, ''); rest !== '' && rest !== '.';) {
    const match = /^\.((?:[^.[\]\\]|\\.)+)/.exec(rest) ?? /^\['([^']*)'\]/.exec(rest);
    const bracket = match === null ? /^\[(\*|-?\d+|\?\(@\.([^=!)\s]+)\s*(==|!=)\s*["']?([^"')]*)["']?\))\]/.exec(rest) : null;
    if (match !== null) steps.push(match[1] === '*' ? wildcard : field(match[1]!.replace(/\\(.)/g, '$1')));
    else if (bracket === null) return undefined;
    else if (bracket[1] === '*') steps.push(wildcard);
    else if (bracket[2] === undefined) steps.push(index(Number(bracket[1])));
    else steps.push(filter(bracket[2], bracket[3] === '==', bracket[4]!));
    rest = rest.slice((match ?? bracket)![0].length);
  }
  return steps;
}

/** What a custom column shows: null when the path leads nowhere or the value has another type than the column says. */
export function jsonPathCell(path: string, type: 'string' | 'integer' | 'number' | 'boolean' | 'date'): (object: ApiObject, nowMs: number) => unknown {
  const steps = parseJsonPath(path) ?? [() => []];
  return (object, nowMs) => {
    const values = steps.reduce<readonly unknown[]>((at, step) => step(at), [object]);
    const [value] = values;
    if (value === undefined || value === null) return null;
    switch (type) {
      case 'date': return typeof value === 'string' ? ageSince(value, nowMs) : null;
      case 'integer': return typeof value === 'number' || typeof value === 'bigint' ? value : null;
      case 'number': return typeof value === 'number' || typeof value === 'bigint' ? value : null;
      case 'boolean': return typeof value === 'boolean' ? value : null;
      case 'string': return values.map((v) => (typeof v === 'object' ? JSON.stringify(v, (_k, x: unknown) => (typeof x === 'bigint' ? Number(x) : x)) : String(v as string | number))).join(',');
    }
  };
}

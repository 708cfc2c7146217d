/** Field selectors as text: `metadata.name=x,spec.nodeName!=n1`; only the fields that a kind offers. */
import { badRequest } from '../api/status.ts';
import { fieldAt, type ApiObject } from '../objects/object.ts';

export type FieldTest = (object: ApiObject) => boolean;

interface Term { readonly field: string; readonly equal: boolean; readonly value: string }

export interface FieldSelector {
  readonly test: FieldTest;
  /** Set when only the object of this name can match, so that a list need not look at others. */
  readonly name: string | undefined;
}

/** Commas and equal signs of a value are escaped with a backslash. */
function parseTerms(text: string): Term[] {
  return text.split(/(?<!\\),/).filter((part) => part !== '').map((part) => {
    const match = /^((?:[^=!\\]|\\.)*)(==|!=|=)(.*)$/.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    return { field: match[1]!, equal: match[2] !== '!=', value: match[3]!.replace(/\\([\\,=])/g, '$1') };
  });
}

/** A field as a selector sees it: absent is the empty text, numbers and booleans as text. */
const textAt = (object: ApiObject, field: string): string => {
  const value = fieldAt(object, ...field.split('.'));
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : '';
};

/** The test a selector stands for, or undefined when it selects everything. `offered` are the fields of this kind; kinds of the core group that offer more than the usual two word their refusal in another way. Throws a 400 ApiError. */
export function parseFieldSelector(text: string, offered: readonly string[], core = false): FieldSelector | undefined {
  const terms = parseTerms(text);
  if (terms.length === 0) return undefined;
  for (const { field } of terms) {
    if (!offered.includes(field)) throw badRequest(core ? `field label not supported: ${field}` : `${JSON.stringify(field)} is not a known field selector: only ${offered.map((f) => JSON.stringify(f)).join(', ')}`);
  }
  return {
    test: (object) => terms.every((term) => (textAt(object, term.field) === term.value) === term.equal),
    name: terms.find((term) => term.equal && term.field === 'metadata.name')?.value,
  };
}

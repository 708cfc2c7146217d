/** One wrong field, worded as Kubernetes words it: `spec.cidr: Invalid value: "x": must be …`. */
import { stringifyJson } from '../../lib/json.ts';

export type FieldErrorType = 'Required' | 'Invalid' | 'NotSupported' | 'Duplicate' | 'Forbidden' | 'TooLong' | 'TooMany' | 'TypeInvalid';

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.peers[0].name`; `<nil>` for the object itself. */
  readonly field: string;
  /** The value found; not shown for Required, Forbidden, TooLong, TooMany. */
  readonly value?: unknown;
  readonly detail: string;
}

const WORDS: Readonly<Record<FieldErrorType, string>> = {
  Required: 'Required value', Invalid: 'Invalid value', NotSupported: 'Unsupported value', Duplicate: 'Duplicate value',
  Forbidden: 'Forbidden', TooLong: 'Too long', TooMany: 'Too many', TypeInvalid: 'Invalid value',
};
const REASONS: Readonly<Record<FieldErrorType, string>> = {
  Required: 'FieldValueRequired', Invalid: 'FieldValueInvalid', NotSupported: 'FieldValueNotSupported', Duplicate: 'FieldValueDuplicate',
  Forbidden: 'FieldValueForbidden', TooLong: 'FieldValueTooLong', TooMany: 'FieldValueTooMany', TypeInvalid: 'FieldValueTypeInvalid',
};
const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set(['Required', 'Forbidden', 'TooLong']);

const bodyOf = (e: FieldError): string => {
  const value = WITHOUT_VALUE.has(e.type) ? '' : `: ${showValue(e.value)}`;
  return `${WORDS[e.type]}${value}${e.detail === '' ? '' : `: ${e.detail}`}`;
};

export const showFieldError = (e: FieldError): string => `${e.field}: ${bodyOf(e)}`;
export const causeOf = (e: FieldError): { reason: string; message: string; field: string } => ({ reason: REASONS[e.type], message: bodyOf(e), field: e.field });

export const required = (field: string, detail = ''): FieldError => ({ type: 'Required', field, detail });
export const invalidValue = (field: string, value: unknown, detail: string): FieldError => ({ type: 'Invalid', field, value, detail });
export const typeInvalid = (field: string, value: unknown, detail: string): FieldError => ({ type: 'TypeInvalid', field, value, detail });
export const forbiddenField = (field: string, detail: string): FieldError => ({ type: 'Forbidden', field, detail });
export const duplicate = (field: string, value: unknown): FieldError => ({ type: 'Duplicate', field, value, detail: '' });
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  ({ type: 'NotSupported', field, value, detail: `supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}` });
export const tooLong = (field: string, max: number): FieldError => ({ type: 'TooLong', field, detail: `may not be more than ${max} bytes` });
export const tooMany = (field: string, actual: number, max: number): FieldError => ({ type: 'TooMany', field, value: actual, detail: `must have at most ${max} ${max === 1 ? 'item' : 'items'}` });

/** Strings quoted, everything else as JSON: what Go's `%#v` shows for what a JSON decoder yields. */
const showValue = (value: unknown): string => (value === undefined ? 'null' : stringifyJson(value));

/** `base` followed by a field name, `spec` or `spec.name`. */
export const child = (base: string, name: string): string => (base === '' ? name : `${base}.${name}`);
export const keyed = (base: string, key: string): string => `${base}[${key}]`;

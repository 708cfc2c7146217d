/** A Secret of Kubernetes, as far as passwords need it: its values as text. */
import { isObject } from '../schema/structure.ts';
import type { Metadata } from './kind.ts';

export interface SecretTexts {
  /** Key → value; null: it is not UTF-8. */
  readonly values: Readonly<Record<string, string | null>>;
  /** Empty, or why the API does not let us read it. */
  readonly refused: string;
}

/** Never throws. What is not base64 of UTF-8 is null. */
export function readSecret(object: { readonly metadata: Metadata; readonly data?: unknown }): SecretTexts {
  const data = isObject(object.data) ? object.data : {};
  return { values: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, textOf(value)])), refused: '' };
}

const BASE64 = /^[A-Za-z0-9+/=\s]*$/;

function textOf(base64: unknown): string | null {
  if (typeof base64 !== 'string' || !BASE64.test(base64)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(atob(base64.replace(/\s/g, '')), (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}

/** A Secret of Kubernetes, as far as passwords need it: its values as text. */
import { MAXIMUM_PASSWORD_OCTETS } from '../messages/speaker-config.ts';
import { isObject } from '../schema/structure.ts';
import type { Metadata } from './kind.ts';

export interface SecretTexts {
  /** Key → value; null: it is not UTF-8. */
  readonly values: Readonly<Record<string, string | null>>;
  /** Empty, or why the API does not let us read it. */
  readonly refused: string;
  /** It is gone, and what it said stands in `before` alone. */
  readonly isGone?: boolean;
  /** Key → the last value that could be a password, also when it has another now, or none. */
  readonly before?: Readonly<Record<string, string>>;
}

export const octetsOf = (value: string): number => new TextEncoder().encode(value).length;

/** The Secret as it is now (undefined: gone), with what is remembered of how it was. */
export function withMemory(now: SecretTexts | undefined, then: SecretTexts | undefined): SecretTexts | undefined {
  const before = { ...then?.before };
  for (const [key, value] of Object.entries(now?.values ?? {})) {
    if (value !== null && value !== '' && octetsOf(value) <= MAXIMUM_PASSWORD_OCTETS) before[key] = value;
  }
  if (now !== undefined) return { ...now, before };
  return Object.keys(before).length === 0 ? undefined : { values: {}, refused: '', isGone: true, before };
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

/** Metadata in the v1 group: the user's own lies as JSON in one annotation, which wins over the stored object's. */
import type { Problem } from '../../lib/errors.ts';
import { parseJson, stringifyJson } from '../../lib/json.ts';
import type { Metadata } from '../kinds/kind.ts';
import { shown } from '../schema/schema.ts';
import { isObject } from '../schema/structure.ts';

export const METADATA_ANNOTATION = 'projectcalico.org/metadata';

/** What the API server owns: the stored object's value holds, and nothing of it goes into the annotation. */
const SERVER_OWNED = ['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'managedFields', 'selfLink', 'deletionTimestamp', 'deletionGracePeriodSeconds'];

/** The metadata a user sees: labels and annotations of both, the annotation's winning; its creation time if it has one. */
export function metadataFromStored(stored: Metadata, path: string, problems: Problem[]): Metadata {
  const { [METADATA_ANNOTATION]: text, ...visible } = stored.annotations ?? {};
  if (text === undefined) return stored;
  const kept = parsedOr(text);
  if (kept === undefined) {
    const message = `${shown(text)} is not metadata: expected a JSON object; the object's own metadata is used`;
    problems.push({ path: `${path}.metadata.annotations[${JSON.stringify(METADATA_ANNOTATION)}]`, message });
  }
  const labels = { ...stored.labels, ...textsOf(kept?.['labels']) };
  const annotations = { ...visible, ...textsOf(kept?.['annotations']) };
  const { labels: _l, annotations: _a, ...rest } = stored;
  const createdAt = kept?.['creationTimestamp'];
  return {
    ...rest,
    ...(typeof createdAt === 'string' ? { creationTimestamp: createdAt } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

/**
 * The metadata to store. Labels and annotations stay on the object too, so that kubectl can select by them; Calico reads
 * the annotation and drops the rest at its next write.
 */
export function metadataToStored(metadata: Metadata, ipam: boolean): Metadata {
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key, value]) =>
    value !== undefined && !SERVER_OWNED.includes(key) && !(ipam && key === 'creationTimestamp')));
  const { managedFields: _m, ...rest } = metadata;
  return { ...rest, annotations: { ...metadata.annotations, [METADATA_ANNOTATION]: stringifyJson(kept) } };
}

/**
 * UIDs as Calico's v3 API shows them for objects stored in v1: the bits of each byte reversed, bytes 6 and 8 left alone
 * (version and variant). Its own inverse. Text that is no UID comes back unchanged.
 */
export function convertUid(uid: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uid)) return uid;
  const digits = uid.replaceAll('-', '');
  const bytes = Array.from({ length: 16 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  const text = bytes.map((b, i) => (i === 6 || i === 8 ? b : reversed(b)).toString(16).padStart(2, '0')).join('');
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function reversed(byte: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) result |= ((byte >> bit) & 1) << (7 - bit);
  return result;
}

function parsedOr(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).filter((e): e is [string, string] => typeof e[1] === 'string'));
}

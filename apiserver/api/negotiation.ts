/** What a client accepts: plain objects, tables, metadata only, aggregated discovery. */
import { notAcceptable } from './status.ts';

export type Form = 'object' | 'table' | 'metadata';

interface MediaRange { readonly type: string; readonly parameters: ReadonlyMap<string, string> }

function parseAccept(header: string): MediaRange[] {
  return header.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((p) => p.trim());
    return { type: type.toLowerCase(), parameters: new Map(parameters.map((p) => { const [key = '', value = ''] = p.split('='); return [key.toLowerCase(), value]; })) };
  });
}

const isJson = (type: string): boolean => type === '' || type === '*/*' || type === 'application/*' || type === 'application/json';

/** The first form of the header's list that we can give. Throws a 406 ApiError when there is none. */
export function acceptedForm(header: string | undefined): Form {
  for (const range of parseAccept(header ?? '')) {
    if (!isJson(range.type)) continue;
    const as = range.parameters.get('as');
    if (as === undefined) return 'object';
    const known = range.parameters.get('g') === 'meta.k8s.io' && (range.parameters.get('v') === 'v1' || range.parameters.get('v') === 'v1beta1');
    if (known && as === 'Table') return 'table';
    if (known && (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')) return 'metadata';
  }
  throw notAcceptable();
}

/** Whether the client takes the aggregated form of discovery. */
export function acceptsAggregated(header: string | undefined): boolean {
  return parseAccept(header ?? '').some((range) => isJson(range.type) && range.parameters.get('as') === 'APIGroupDiscoveryList' && range.parameters.get('v') === 'v2');
}

/** The media type of a body, without parameters. */
export const mediaType = (header: string | undefined): string => (header ?? '').split(';')[0]!.trim().toLowerCase();

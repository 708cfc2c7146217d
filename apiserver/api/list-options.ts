/** The query parameters of lists, watches and writes, checked as a real API server checks them. */
import { forbiddenField, notSupported, type FieldError } from '../schema/field-error.ts';
import { badRequest, invalid } from './status.ts';

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number | undefined;
  readonly continue: string;
  /** undefined: not given; 0: anything will do. */
  readonly resourceVersion: number | undefined;
  readonly match: '' | 'Exact' | 'NotOlderThan';
  readonly watch: boolean;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number | undefined;
}

const isTrue = (text: string | null): boolean => text !== null && text !== '0' && text.toLowerCase() !== 'false';

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function resourceVersionOf(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** Throws ApiError 400 or 422. */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const limit = integer(query, 'limit');
  const sendInitialEvents = query.get('sendInitialEvents');
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: limit === undefined || limit <= 0 ? undefined : limit,
    continue: query.get('continue') ?? '',
    resourceVersion: resourceVersionOf(query),
    match: (query.get('resourceVersionMatch') ?? '') as ListOptions['match'],
    watch: isTrue(query.get('watch')),
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: sendInitialEvents === null ? undefined : isTrue(sendInitialEvents),
    timeoutSeconds: integer(query, 'timeoutSeconds'),
  };
  const errors = options.watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  return options;
}

const MATCH = 'resourceVersionMatch';

function listErrors(o: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (o.match !== '') {
    if (o.resourceVersion === undefined) errors.push(forbiddenField(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`));
    if (o.continue !== '') errors.push(forbiddenField(MATCH, `${MATCH} is forbidden when continue is provided`));
    if (!['Exact', 'NotOlderThan'].includes(o.match)) errors.push(notSupported(MATCH, o.match, ['Exact', 'NotOlderThan', '']));
    if (o.match === 'Exact' && o.resourceVersion === 0) errors.push(forbiddenField(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`));
  }
  if (o.sendInitialEvents !== undefined) errors.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
}

function watchErrors(o: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (o.match !== '' && o.sendInitialEvents === undefined) errors.push(forbiddenField(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`));
  if (o.sendInitialEvents !== undefined) {
    if (o.match !== 'NotOlderThan') errors.push(forbiddenField(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
    if (o.match !== '' && o.match !== 'NotOlderThan') errors.push(notSupported(MATCH, o.match, ['NotOlderThan']));
    if (o.continue !== '') errors.push(forbiddenField(MATCH, `${MATCH} is forbidden when continue is provided`));
  }
  return errors;
}

/** Where a limited list goes on: after `start`, as of resourceVersion `rv` (-1: as of now, after an expiry). */
export interface Continuation { readonly rv: number; readonly start: string }

export const continueToken = (c: Continuation): string => Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: c.rv, start: c.start })).toString('base64url');

/** Throws a 400 ApiError on a token that is none. */
export function parseContinueToken(token: string): Continuation {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  const match = /^\{"v":"meta\.k8s\.io\/v1","rv":(-1|\d{1,15}),"start":("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")\}$/.exec(text);
  if (match === null) throw badRequest(`invalid continue token: continue key is not valid: ${JSON.stringify(token)}`);
  return { rv: Number(match[1]), start: JSON.parse(match[2]!) as string };
}

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';
export interface WriteOptions { readonly dryRun: boolean; readonly fieldValidation: FieldValidation }

/** Throws ApiError 422. `options` names the kind in the error: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions. */
export function parseWriteOptions(query: URLSearchParams, options: string): WriteOptions {
  const errors: FieldError[] = [];
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  if (dryRun.some((value) => value !== 'All')) errors.push(notSupported('dryRun', dryRun, ['All']));
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(validation)) errors.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: options }, '', errors);
  return { dryRun: dryRun.length > 0, fieldValidation: validation === '' ? 'Warn' : validation as FieldValidation };
}

/** Failures as the Kubernetes API words them: an exception that carries the `Status` object and the HTTP code to answer with. */
import type { FieldError } from '../schema/field-error.ts';
import { causeOf, showFieldError } from '../schema/field-error.ts';

/** The plural (or for validation the kind) and group that an error speaks of. */
export interface Subject { readonly group: string; readonly plural: string; readonly kind: string }

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

export class ApiError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: StatusDetails | undefined;
  /** A token to go on with after an expired list. */
  readonly continueToken: string | undefined;
  constructor(code: number, reason: string | undefined, message: string, details?: StatusDetails, continueToken?: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.continueToken = continueToken;
  }

  /** What was to be said anyway, as headers of the answer. */
  get warnings(): readonly string[] { return this.#warnings; }
  #warnings: readonly string[] = [];

  warning(texts: readonly string[]): this {
    this.#warnings = texts;
    return this;
  }

  status(): Record<string, unknown> {
    return {
      kind: 'Status', apiVersion: 'v1', metadata: this.continueToken === undefined ? {} : { continue: this.continueToken }, status: 'Failure', message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

export const successStatus = (details: StatusDetails): Record<string, unknown> => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });

const qualified = (s: Subject): string => (s.group === '' ? s.plural : `${s.plural}.${s.group}`);
export const detailsOf = (s: Subject, name: string, kind = s.plural): StatusDetails => ({ ...(name === '' ? {} : { name }), ...(s.group === '' ? {} : { group: s.group }), kind });

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);
export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized');
export const unknownPath = (): ApiError => new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
export const notFound = (s: Subject, name: string): ApiError => new ApiError(404, 'NotFound', `${qualified(s)} ${quote(name)} not found`, detailsOf(s, name));
export const methodNotAllowed = (): ApiError => new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
export const notAcceptable = (): ApiError => new ApiError(406, 'NotAcceptable', '406: Not Acceptable\n\nAvailable representations: application/json', {});
export const alreadyExists = (s: Subject, name: string): ApiError => new ApiError(409, 'AlreadyExists', `${qualified(s)} ${quote(name)} already exists`, detailsOf(s, name));
export const conflict = (s: Subject, name: string, why: string): ApiError =>
  new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(s)} ${quote(name)}: ${why}`, detailsOf(s, name));
/** A precondition of DELETE failed; the real server names the kind here instead of the resource. */
export const preconditionFailed = (s: Subject, name: string, why: string): ApiError =>
  new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${s.group === '' ? s.kind : `${s.kind}.${s.group}`} ${quote(name)}: ${why}`, detailsOf(s, name, s.kind));
export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';
export const expired = (message: string, continueToken?: string): ApiError => new ApiError(410, 'Expired', message, undefined, continueToken);
export const tooLarge = (limit: number): ApiError => new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
export const unsupportedMediaType = (accepted: readonly string[]): ApiError =>
  new ApiError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`);
export const unsupportedPatch = (): ApiError => new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
export const internal = (message: string): ApiError => new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ reason: '', message }] });
export const unavailable = (message: string): ApiError => new ApiError(503, 'ServiceUnavailable', message, {});
export const forbidden = (s: Subject, name: string, why: string, causes?: StatusDetails['causes']): ApiError =>
  new ApiError(403, 'Forbidden', `${qualified(s)} ${quote(name)} is forbidden: ${why}`, { ...detailsOf(s, name), ...(causes === undefined ? {} : { causes }) });

/** 422 with every field that is wrong. `kind` is qualified by its group as the real server does. */
export function invalid(s: Pick<Subject, 'group' | 'kind'>, name: string, errors: readonly FieldError[]): ApiError {
  const shown = [...new Set(errors.map(showFieldError))];
  const subject = s.group === '' ? s.kind : `${s.kind}.${s.group}`;
  const details = { ...(name === '' ? {} : { name }), ...(s.group === '' ? {} : { group: s.group }), ...(s.kind === '' ? {} : { kind: s.kind }), causes: errors.map(causeOf) };
  return new ApiError(422, 'Invalid', `${subject} ${quote(name)} is invalid: ${shown.length === 1 ? shown[0]! : `[${shown.join(', ')}]`}`, details);
}

/** A patch that cannot be applied to this object. */
export const rejectedPatch = (): ApiError => new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

export const resourceVersionTooLarge = (asked: number, current: number): ApiError =>
  new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1,
  });

export const quote = (text: string): string => JSON.stringify(text);

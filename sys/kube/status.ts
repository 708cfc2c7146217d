/** What an answer of the API server means: its object, an expected outcome, or an OperationError. */
import { OperationError } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';
import type { Answer } from './transport.ts';

/** The `Status` object of a refusal. */
export interface StatusBody {
  readonly reason: string;
  readonly message: string;
  /** Names of the fields that were wrong. */
  readonly fields: readonly string[];
  /** True when the server knows the kind but not the object; false when the path itself is not served. */
  readonly ofObject: boolean;
}

export const isGood = (answer: Answer): boolean => answer.status >= 200 && answer.status < 300;

/** The body as JSON; text that is no JSON stays text (the pod proxy may answer anything). */
export function bodyOf(answer: Answer): unknown {
  try {
    return parseJson(answer.body);
  } catch {
    return answer.body;
  }
}

/** The body of a good answer as an object. Throws OperationError KUBE_BODY when it is none. */
export function objectOf<T>(answer: Answer, request: string): T {
  const body = bodyOf(answer);
  if (typeof body !== 'object' || body === null) throw new OperationError('KUBE_BODY', { request, body: answer.body.slice(0, 200) });
  return body as T;
}

export function statusOf(answer: Answer): StatusBody {
  return statusBody(bodyOf(answer));
}

export function statusBody(body: unknown): StatusBody {
  const status = (typeof body === 'object' && body !== null ? body : {}) as
    { reason?: unknown; message?: unknown; error?: unknown; details?: { name?: unknown; kind?: unknown; causes?: unknown } | null };
  const causes = Array.isArray(status.details?.causes) ? status.details.causes as readonly ({ field?: unknown } | null)[] : [];
  return {
    reason: typeof status.reason === 'string' ? status.reason : '',
    message: typeof status.message === 'string' ? status.message : typeof status.error === 'string' ? status.error : typeof body === 'string' ? body.trim().slice(0, 200) : '',
    fields: causes.map((c) => c?.field).filter((f): f is string => typeof f === 'string'),
    ofObject: typeof status.details?.name === 'string' && status.details.name !== '',
  };
}

/** The error for an answer that is not an expected outcome. */
export function refusal(answer: Answer, request: string): OperationError {
  const { reason, message } = statusOf(answer);
  return new OperationError('KUBE_REFUSED', { request, status: answer.status, reason, said: message });
}

/** What a refused write means: somebody was quicker, or the object (or the one with that UID) is gone. */
export function writeOutcome(answer: Answer): 'conflict' | 'gone' | 'exists' | undefined {
  const { reason, message, fields } = statusOf(answer);
  if (answer.status === 404) return 'gone';
  if (answer.status === 422 && fields.includes('metadata.uid')) return 'gone';
  if (answer.status === 422 && fields.includes('metadata.resourceVersion')) return 'conflict';
  if (answer.status !== 409) return undefined;
  if (reason === 'AlreadyExists') return 'exists';
  return /UID in (the )?precondition/i.test(message) ? 'gone' : 'conflict';
}

/** One HTTP request and its answer: bodies within bounds, JSON out, a Status for every failure. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { stringifyJson } from '../lib/json.ts';
import { ApiError, badRequest, tooLarge } from './api/status.ts';

/** The largest body that is read: the limit of a real API server. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

export interface Answer {
  readonly code: number;
  /** JSON text, unless `contentType` says otherwise. */
  readonly body: string | Uint8Array;
  readonly contentType?: string;
  readonly warnings?: readonly string[];
}

/** Reads the body. Rejects with ApiError 413; a client that goes away rejects too. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else {
        chunks.length = 0;
        reject(tooLarge(MAX_BODY_BYTES));
      }
    });
    request.on('end', () => { resolve(Buffer.concat(chunks)); });
    request.on('error', reject);
    request.on('aborted', () => { reject(badRequest('the request was aborted')); });
  });
}

/** Throws a 400 ApiError on bytes that are no UTF-8. */
export function textOfBody(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badRequest('the body is not valid UTF-8');
  }
}

const HEADER_UNSAFE = /[^\x20-\x7e]/g;

export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if (response.destroyed || response.headersSent) return;
  response.end(begin(response, answer));
}

/** Sets the head; returns the body that is to follow. */
function begin(response: ServerResponse, answer: Answer): Uint8Array {
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.statusCode = answer.code;
  response.setHeader('Content-Type', answer.contentType ?? 'application/json');
  response.setHeader('Cache-Control', 'no-cache, private');
  response.setHeader('Content-Length', body.length);
  if (answer.warnings !== undefined && answer.warnings.length > 0) {
    response.setHeader('Warning', answer.warnings.map((text) => `299 - ${JSON.stringify(text).replace(HEADER_UNSAFE, '?')}`));
  }
  return body;
}

export function sendError(response: ServerResponse, error: ApiError): void {
  if (error.details?.retryAfterSeconds !== undefined && !response.headersSent) response.setHeader('Retry-After', String(error.details.retryAfterSeconds));
  const answer = { code: error.code, body: stringifyJson(error.status()), warnings: error.warnings };
  if (error.code === 413) sendBeforeTheEnd(response, answer);
  else sendAnswer(response, answer);
}

/** How much longer a client is listened to after its body was refused. */
const HEAR_OUT = { ms: 1000, bytes: 16 * 1024 * 1024 } as const;

/**
 * Answers while the body still comes, and ends the connection a while later: to close it with bytes unread would send a
 * reset, which takes the answer from a client that is still writing.
 */
function sendBeforeTheEnd(response: ServerResponse, answer: Answer): void {
  if (response.destroyed || response.headersSent) return;
  response.setHeader('Connection', 'close');
  response.write(begin(response, answer));
  const { req } = response;
  let heard = 0;
  const end = (): void => {
    clearTimeout(limit);
    response.end();
  };
  const limit = setTimeout(end, HEAR_OUT.ms).unref();
  response.on('close', () => { clearTimeout(limit); });
  if (req.readableEnded) { end(); return; }
  req.on('data', (chunk: Buffer) => { heard += chunk.length; if (heard > HEAR_OUT.bytes) end(); });
  req.on('end', end);
  req.resume();
}

export const isApiError = (error: unknown): error is ApiError => error instanceof ApiError;

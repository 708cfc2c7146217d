/** A watch as a chunked HTTP response: it ends at its time limit, when the client goes, or when the client is too slow. */
import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { methodNotAllowed } from './api/status.ts';
import type { Core } from './core.ts';
import { isApiError, sendError } from './exchange.ts';
import type { Account } from './watch-budget.ts';
import { startWatch, type Sink, type WatchRequest } from './watch-stream.ts';

/** Watches without a limit of their own end after half an hour to an hour, so that clients spread out. */
const DEFAULT_SECONDS = 1800;
/** How long a client that was told it is too slow may take to read that. */
const LINGER_MS = 5_000;

export function serveWatch(core: Core, request: WatchRequest, response: ServerResponse): void {
  if (response.destroyed) return;
  const account = core.hub.budget.open({
    get waiting() { return response.destroyed ? 0 : response.writableLength; },
    drop: () => {
      core.log.info('watch.dropped', { resource: request.type.plural, waiting: response.writableLength, reason: 'all watches together keep too much' });
      response.destroy();
    },
  });
  const sink = sinkOf(response, account);
  let watch: Disposable;
  try {
    watch = startWatch(core, request, sink);
  } catch (error) {
    account[Symbol.dispose]();
    sendError(response, isApiError(error) ? error : methodNotAllowed());
    if (!isApiError(error)) core.log.error('apiserver.watch-failed', { error: String(error) });
    return;
  }
  if (!response.destroyed) start(response);
  const seconds = request.options.timeoutSeconds ?? DEFAULT_SECONDS + randomInt(DEFAULT_SECONDS);
  const limit = setTimeout(() => { sink.end(); }, Math.max(1, Math.min(seconds, 86_400)) * 1000);
  response.on('close', () => {
    clearTimeout(limit);
    account[Symbol.dispose]();
    watch[Symbol.dispose]();
  });
}

function sinkOf(response: ServerResponse, account: Account): Sink {
  let ended = false;
  const isOver = (): boolean => ended || response.destroyed;
  return {
    get isOver() { return isOver(); },
    get waiting() { return response.writableLength; },
    write: (line) => {
      if (isOver()) return;
      account.writing(line.length);
      if (!isOver()) start(response).write(line);
    },
    end: () => {
      if (isOver()) return;
      ended = true;
      start(response).end();
      const linger = setTimeout(() => { response.destroy(); }, LINGER_MS).unref();
      response.on('close', () => { clearTimeout(linger); });
    },
  };
}

/** Sends the head, so that the client knows that the watch stands even when nothing happens. */
function start(response: ServerResponse): ServerResponse {
  if (!response.headersSent) {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
    response.flushHeaders();
  }
  return response;
}

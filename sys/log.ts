/** The log: one JSON line an event, on standard error, by pino. */
import pino, { type Logger } from 'pino';
import type { Fields, Log } from '../lib/log.ts';

export interface LogOptions {
  /** TORTIE_LOG_LEVEL, or `info`, unless said. */
  readonly level?: string;
  /** Where lines go instead of file descriptor 2. */
  readonly write?: (line: string) => void;
}

/** A log whose lines carry `name`; times are ISO text, levels are words. */
export function makeLog(name: string, options: LogOptions = {}): Log {
  const level = options.level ?? process.env['TORTIE_LOG_LEVEL'] ?? 'info';
  const destination = options.write ? { write: options.write } : pino.destination({ fd: 2, sync: true });
  const logger = pino({
    base: { name, pid: process.pid },
    level: level in pino.levels.values || level === 'silent' ? level : 'info',
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  }, destination);
  return wrap(logger);
}

function wrap(logger: Logger): Log {
  return {
    debug: (event, fields = {}) => { logger.debug(fields, event); },
    info: (event, fields = {}) => { logger.info(fields, event); },
    warn: (event, fields = {}) => { logger.warn(fields, event); },
    error: (event, fields = {}) => { logger.error(fields, event); },
    child: (fields: Fields) => wrap(logger.child(fields)),
  };
}

/** The log: one JSON line an event, on standard error, by pino. */
import pino, { type Logger } from 'pino';
import type { Fields, Log } from '../lib/log.ts';

export interface LogOptions {
  /** TORTIE_LOG_LEVEL, or `info`, unless said. */
  readonly level?: string;
  /** Where lines go instead of file descriptor 2. */
  readonly write?: (line: string) => void;
}

export interface LeveledLog extends Log {
  /** Lines below are left out from now on, those of children too; undefined: as at the start. What TORTIE_LOG_LEVEL says stays. */
  setLevel(level: string | undefined): void;
}

/** Silent is above all levels. */
const rankOf = (level: string): number => (level === 'silent' ? Infinity : pino.levels.values[level] ?? pino.levels.values['info']!);

/** A log whose lines carry `name`; times are ISO text, levels are words. */
export function makeLog(name: string, options: LogOptions = {}): LeveledLog {
  const fixed = process.env['TORTIE_LOG_LEVEL'];
  const level = options.level ?? fixed ?? 'info';
  const destination = options.write ? { write: options.write } : pino.destination({ fd: 2, sync: true });
  const logger = pino({
    base: { name, pid: process.pid },
    level: 'trace',
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  }, destination);
  const threshold = { rank: rankOf(level) };
  return {
    ...wrap(logger, threshold),
    setLevel: (wanted) => { if (fixed === undefined) threshold.rank = rankOf(wanted ?? level); },
  };
}

/** `threshold` is shared by a log and its children. */
function wrap(logger: Logger, threshold: { readonly rank: number }): Log {
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => {
    const rank = rankOf(level);
    return (event: string, fields: Fields = {}): void => { if (rank >= threshold.rank) logger[level](fields, event); };
  };
  return {
    debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'),
    child: (fields: Fields) => wrap(logger.child(fields), threshold),
  };
}

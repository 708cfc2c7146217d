/** The log interface that shells take as a port; `sys/log.ts` makes one with pino. */

export type Fields = Readonly<Record<string, unknown>>;

/** `event` is a stable dotted name (`session.up`); everything else is a field. */
export interface Log {
  debug(event: string, fields?: Fields): void;
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
  child(fields: Fields): Log;
}

export const silentLog: Log = {
  debug() {}, info() {}, warn() {}, error() {},
  child: () => silentLog,
};

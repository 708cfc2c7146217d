/** The process `tortie bfdd`: BFD sessions with real sockets, for whoever asks over the control socket. */
import { parseArgs } from 'node:util';
import type { BfddMethods } from '../config/messages/bfd-control.ts';
import { BFDD_SOCKET, BFDD_STATE_FILE } from '../lib/ownership.ts';
import { systemClock } from '../sys/clock.ts';
import { makeLog } from '../sys/log.ts';
import { serve } from '../sys/rpc.ts';
import { runInRealTime } from '../sys/scheduling.ts';
import { refuseSecond } from '../sys/unix-listener.ts';
import { Control } from './control.ts';
import { openPackets } from './packets.ts';
import { Sessions } from './sessions.ts';
import { kernelBootId, StateFile } from './state-file.ts';

const USAGE = 'usage: tortie bfdd [--socket PATH] [--state PATH]';
/** Of SCHED_FIFO, 1..99. */
const PRIORITY = 10;

export async function main(args: string[]): Promise<void> {
  const { socket, state } = optionsOf(args);
  const log = makeLog('bfdd');
  await refuseSecond(socket); // before a peer notices us
  const scheduling = runInRealTime(PRIORITY);
  const file = new StateFile({ path: state, bootId: kernelBootId(), log });
  const packets = openPackets(Math.random, (datagram) => { sessions.receive(datagram); });
  for (const problem of packets.problems) log.error('port', { ...problem });
  const sessions: Sessions = new Sessions({
    clock: systemClock, log, random: Math.random, packets, problems: () => packets.problems,
    changed: () => { control.changed(); file.save(() => sessions.remembered); },
  });
  const control = new Control(sessions, systemClock);
  const remembered = await file.load();
  for (const [client, wanted] of Object.entries(remembered?.clients ?? {})) sessions.apply(client, wanted, remembered?.up);
  let ending: Promise<void> | undefined;
  const end = (): void => {
    ending ??= (async () => {
      log.info('stop', {});
      await sessions.end();
      await file.saved();
      process.exit(0);
    })();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  await serve<BfddMethods>(socket, control.handlers);
  log.info('start', { socket, state, scheduling, sessions: sessions.status.sessions.length, resumed: Object.keys(remembered?.up ?? {}).length });
}

function optionsOf(args: string[]): { readonly socket: string; readonly state: string } {
  try {
    const { values } = parseArgs({ args, options: { socket: { type: 'string' }, state: { type: 'string' } } });
    return { socket: values.socket ?? BFDD_SOCKET, state: values.state ?? BFDD_STATE_FILE };
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, { cause: error });
  }
}

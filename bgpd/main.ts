/** The process `tortie bgpd`: a speaker with a real kernel, real sockets and a control socket. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { BgpdMethods } from '../config/messages/bgpd-control.ts';
import { messageOf, OperationError } from '../lib/errors.ts';
import { parseSecretJson } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { BFDD_SOCKET, BGPD_SOCKET, BGPD_STATE_FILE } from '../lib/ownership.ts';
import { systemClock } from '../sys/clock.ts';
import { makeLog } from '../sys/log.ts';
import { serve } from '../sys/rpc.ts';
import { refuseSecond } from '../sys/unix-listener.ts';
import { bfdClient } from './bfd-client.ts';
import { Control, type StopMode } from './control.ts';
import { rehearsalFib } from './kernel-messages.ts';
import { openKernel } from './kernel.ts';
import { recordTo } from './recorder.ts';
import { rehearse } from './rehearsal.ts';
import { routerDiscovery } from './router-discovery.ts';
import { startSpeaker, type SpeakerPorts } from './speaker.ts';
import { kernelBootId, StateFile } from './state-file.ts';
import { tcpTransport } from './transport.ts';

const soon = (work: () => void): void => { setImmediate(work); };

interface Options {
  /** A SpeakerConfig as JSON, instead of an agent. */
  readonly config: string | undefined;
  readonly socket: string;
  readonly state: string;
  /** Where events are recorded; undefined: nowhere. */
  readonly record: string | undefined;
}

const USAGE = 'usage: tortie bgpd [--config FILE] [--socket PATH] [--state PATH] [--record FILE] [--boot-id ID] [--bfd-socket PATH]';

export async function main(args: string[]): Promise<void> {
  const { config, socket, state, record, bootId, bfdSocket } = optionsOf(args);
  const log = makeLog('bgpd');
  await refuseSecond(socket); // before a peer or the kernel notices us
  const file = new StateFile({ path: state, bootId: bootId ?? kernelBootId(), log });
  // Nodes of other racks are reached through the default route, as every other kernel would do it.
  const kernel = openKernel({ clock: systemClock, log, allowDefault: true });
  const recorder = record === undefined ? undefined : recordTo(record, systemClock, (error) => { log.error('record', { message: messageOf(error) }); });
  const ports: SpeakerPorts = {
    clock: systemClock, log, random: Math.random, soon,
    transport: tcpTransport(), resolver: kernel.resolver, foreign: kernel.foreign, fib: (place) => kernel.fib(place), discovery: routerDiscovery(),
    bfd: bfdClient({ clock: systemClock, log, random: Math.random, socket: bfdSocket }),
  };
  const speaker = startSpeaker(recorder?.ports(ports) ?? ports);
  let ending: Promise<void> | undefined;
  const end = (mode: StopMode, message = ''): void => {
    ending ??= (async () => {
      log.info('stop', { mode });
      await (mode === 'final' ? speaker.shutdown(message) : speaker.close());
      await file.saved();
      process.exit(0);
    })();
  };
  const control = new Control({
    speaker, save: (sections) => { file.save(sections); }, applying: (sections) => {
      recorder?.configured(sections);
      if (sections.global !== undefined) log.setLevel(sections.global.logLevel);
    },
    stop: (mode, message) => { setImmediate(end, mode, message); },
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { end('restart'); });
  const sections = config === undefined ? await file.load() : await readConfig(config);
  if (sections !== undefined) await applyAtStart(control, sections, log);
  if (config !== undefined) file.save(speaker.config); // a start without the file comes back with it
  await serve<BgpdMethods>(socket, control.handlers);
  log.info('start', { socket, state, told: sections !== undefined });
  await file.saved(); // a rehearsal must not keep what we were told from the disk
  rehearse({ clock: systemClock, random: Math.random, soon, fib: rehearsalFib() }).catch((error: unknown) => {
    log.error('rehearsal', { message: messageOf(error) });
  });
}

async function applyAtStart(control: Control, sections: Readonly<Record<string, unknown>>, log: Log): Promise<void> {
  for (const problem of await control.applySections(sections)) log.warn('config.problem', { ...problem });
}

/** Throws when the file is not there or is no JSON object: a person waits for the answer. */
async function readConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  let value: unknown;
  try {
    value = parseSecretJson(await readFile(path, 'utf8'));
  } catch (error) {
    throw new OperationError('CONFIG_FILE', { path }, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OperationError('CONFIG_FILE', { path, expected: 'an object with the sections of a SpeakerConfig' });
  }
  return value as Readonly<Record<string, unknown>>;
}

function optionsOf(args: string[]): Options & { readonly bootId: string | undefined; readonly bfdSocket: string } {
  try {
    const { values } = parseArgs({
      args,
      options: { config: { type: 'string' }, socket: { type: 'string' }, state: { type: 'string' }, record: { type: 'string' }, 'boot-id': { type: 'string' },
        'bfd-socket': { type: 'string' } },
    });
    return { config: values.config, socket: values.socket ?? BGPD_SOCKET, state: values.state ?? BGPD_STATE_FILE, record: values.record, bootId: values['boot-id'], bfdSocket: values['bfd-socket'] ?? BFDD_SOCKET };
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, { cause: error });
  }
}

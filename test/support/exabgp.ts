/** ExaBGP in a namespace: it announces what its configuration says, and tells a file everything that it hears. */
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf, program, type Capability } from './capabilities.ts';
import { eventually, sh, type Netns } from './namespaces.ts';

export const exabgpNeeds: readonly Capability[] = [program('exabgp')];

/** One line of its JSON encoder. */
export interface ExabgpEvent {
  readonly type: string;
  readonly neighbor?: {
    readonly address: { readonly local: string; readonly peer: string };
    readonly state?: string;
    readonly message?: { readonly update?: ExabgpUpdate; readonly notification?: object; readonly eor?: object };
    readonly notification?: { readonly code: number; readonly subcode: number; readonly data: string; readonly message: string };
  };
}

export interface ExabgpUpdate {
  readonly attribute?: Readonly<Record<string, unknown>>;
  /** Family → next hop → routes. */
  readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly ExabgpNlri[]>>>>;
  readonly withdraw?: Readonly<Record<string, readonly ExabgpNlri[]>>;
}
export interface ExabgpNlri { readonly nlri: string; readonly 'path-information'?: string }

export interface RawExabgp {
  /** Everything that it heard since it started, oldest first. */
  events(): ExabgpEvent[];
  /** The same as it was written. */
  text(): string;
  /** Gives a command of its API. */
  tell(command: string): void;
  readonly output: string;
  kill(): Promise<void>;
}

/** `config` names the process `watch` in its `api` sections; it is defined here. */
export async function startExabgp(ns: Netns, config: string): Promise<RawExabgp> {
  const path = (name: string): string => join(ns.directory, name);
  const [events, commands, script] = [path('events.jsonl'), path('commands'), path('watch')];
  if (!existsSync(commands)) sh('mkfifo', commands);
  writeFileSync(events, '');
  writeFileSync(script, `#!/bin/sh\nexec 2>/dev/null 3<>${commands}\ncat <&3 &\ncat >>${events}\nkill $!\n`);
  chmodSync(script, 0o755);
  writeFileSync(path('exabgp.conf'), `process watch { run ${script}; encoder json; }\n${config}\n`);
  const process = ns.spawn(pathOf('exabgp')!, [path('exabgp.conf')], {
    'exabgp.daemon.drop': 'false', 'exabgp.log.destination': 'stdout', 'exabgp.api.ack': 'false', 'exabgp.api.cli': 'false', 'exabgp.log.packets': 'false',
    'exabgp.bgp.openwait': '5', 'exabgp.tcp.delay': '0',
  });
  const parsed = (): ExabgpEvent[] => readFileSync(events, 'utf8').split('\n').slice(0, -1).flatMap(eventOf);
  await eventually(15_000, () => { if (!process.output.includes('loaded new configuration')) throw new Error(`no exabgp yet: ${process.output}`); });
  return { events: parsed, text: () => readFileSync(events, 'utf8'), tell: (command) => { appendFileSync(commands, `${command}\n`); }, get output() { return process.output; }, kill: () => process.kill() };
}

/** What it says of a ROUTE-REFRESH, or of a NOTIFICATION with a text, is no JSON (4.2.21). */
function eventOf(line: string): ExabgpEvent[] {
  try {
    return [JSON.parse(line) as ExabgpEvent];
  } catch {
    return [];
  }
}

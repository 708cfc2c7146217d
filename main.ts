#!/usr/bin/env node
/** One program, one subcommand a process: `tortie agent|bgpd|apiserver|lab …`. */
import { messageOf } from './lib/errors.ts';

const COMMANDS: Readonly<Record<string, () => Promise<{ main: (args: string[]) => Promise<void> }>>> = {
  agent: () => import('./agent/main.ts'),
  apiserver: () => import('./apiserver/main.ts'),
  bgpd: () => import('./bgpd/main.ts'),
  lab: () => import('./lab/main.ts'),
};

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) {
  process.stderr.write(`tortie: unknown command ${JSON.stringify(name)}: expected one of ${Object.keys(COMMANDS).join(', ')}\n`);
  process.exit(2);
}
try {
  await (await command()).main(args);
} catch (error) {
  process.stderr.write(`tortie ${name}: ${messageOf(error)}\n`);
  process.exit(1);
}

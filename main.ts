#!/usr/bin/env node
/** One program, one subcommand a process: `tortie agent|bgpd|bfdd|apiserver|lab …`. Imports nothing before Node.js is known to be new enough. */
const { node: version } = process.versions;
if (Number.parseInt(version, 10) < 24) {
  process.stderr.write(`tortie needs Node.js 24 or newer: this is ${version}\n`);
  process.exit(1);
}

const COMMANDS: Readonly<Record<string, () => Promise<{ main: (args: string[]) => Promise<void> }>>> = {
  agent: () => import('./agent/main.ts'),
  apiserver: () => import('./apiserver/main.ts'),
  bfdd: () => import('./bfdd/main.ts'),
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
  process.stderr.write(`tortie ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

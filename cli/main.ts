#!/usr/bin/env node
/** Starts `tortiectl`, unless Node.js is too old for it: nothing may be imported before that is known, for it might not even parse. */
const { node: version } = process.versions;
if (Number.parseInt(version, 10) < 24) {
  process.stderr.write(`tortiectl needs Node.js 24 or newer: this is ${version}\n`);
  process.exit(1);
}
await import('./program.ts');

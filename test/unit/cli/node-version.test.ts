/** Both programs under a Node.js that is too old: they say so instead of failing somewhere inside. */
import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readSource } from '../../support/source-tree.ts';

const OLD = "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})";

test.each([['main.ts', 'tortie', ['lab', 'list']], ['cli/main.ts', 'tortiectl', ['version']]])('%s under Node.js 20', (main, name, args) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ['--import', OLD, main, ...args], { encoding: 'utf8' });
  expect([status, stdout, stderr]).toEqual([1, '', `${name} needs Node.js 24 or newer: this is 20.1.0\n`]);
  expect(readSource(main).text).not.toMatch(/^import /m); // what is imported is parsed first, and might not be
});

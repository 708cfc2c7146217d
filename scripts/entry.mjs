#!/usr/bin/env node
/** Behind every `npm run` command: installs what is missing, says what it does, then does it. Runs on Node 18 without any package. */
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { PACKAGES, installPackages } from './packages.mjs';
import { Advice, run, say } from './say.mjs';
import { ROOT, buildNative, bundle, installKubectl, installModules, ownNode, rerunOnOwnNode, withOwnNode } from './setup.mjs';
import { COMMANDS, runSuites } from './suites.mjs';

const SELF = fileURLToPath(import.meta.url);
const NEEDS_ROOT = new Set(['lab', 'test', 'scenarios', 'interop', 'contract', 'bench', 'kubernetes']);
const NEEDS_KUBECTL = new Set(['lab', 'test', 'scenarios', 'contract']);
/** Commands of the lab that look at one that runs (or take it down): no packages, no build. */
const OF_A_RUNNING_LAB = new Set(['down', 'status', 'exec', 'pod', 'break', 'kill', 'heal', 'kubeconfig', 'kubectl', 'tortiectl', 'matrix', 'list']);

/** Options of the lab that npm has taken for its own, because no `--` stood before them. */
function refuseSwallowed(args) {
  const swallowed = ['name', 'nodes', 'racks', 'node', 'namespace', 'port'].filter((o) => process.env[`npm_config_${o}`] !== undefined);
  if (swallowed.length === 0) return;
  throw new Advice(`npm has kept --${swallowed.join(' and --')} for itself. Write "--" before the lab's own words: npm run lab -- ${args[0] ?? 'up'} --${swallowed[0]} …`);
}

async function main([command = '', ...args]) {
  if (!Object.hasOwn(PACKAGES, command)) {
    throw new Advice(`unknown command ${JSON.stringify(command)}: expected one of ${Object.keys(PACKAGES).join(', ')}`);
  }
  if (Number(process.versions.node.split('.')[0]) < 18) throw new Advice(`Node 18 or newer is needed to start; this is ${process.versions.node}.`);
  if (NEEDS_ROOT.has(command) && process.getuid() !== 0) {
    throw new Advice(`"npm run ${command}" makes network namespaces and installs packages: run it as root.`);
  }
  if (command === 'lab') refuseSwallowed(args);
  const quick = command === 'lab' && OF_A_RUNNING_LAB.has(args[0]) && existsSync(join(ROOT, 'dist/tortie.js')) && existsSync(join(ROOT, 'node_modules'));
  if (!quick) {
    await installPackages(command);
    await installModules();
  }
  const status = await rerunOnOwnNode(SELF, [command, ...args]);
  if (status !== undefined) return status;
  if (!quick) await prepare(command);
  return carryOut(command, args);
}

async function prepare(command) {
  if (NEEDS_KUBECTL.has(command)) await installKubectl();
  if (command === 'kubernetes' || command === 'fuzz') return;
  await buildNative();
  if (command !== 'check') await bundle();
}

function carryOut(command, args) {
  if (Object.hasOwn(COMMANDS, command)) return runSuites(COMMANDS[command], args);
  switch (command) {
    case 'build': say('built: dist/'); return 0;
    case 'lab': return program(join(ROOT, 'dist/tortie.js'), 'lab', ...(args.length === 0 ? ['demo'] : args));
    case 'bench': return program(join(ROOT, 'bench/main.ts'), ...args);
    case 'fuzz': return program(join(ROOT, 'test/fuzz/main.ts'), ...args);
    case 'kubernetes': return shell(join(ROOT, 'scripts/kubernetes.sh'), args);
    default: throw new Advice(`nothing is known about ${command}`);
  }
}

const program = async (...args) => (await run(ownNode(), ['--disable-warning=ExperimentalWarning', ...args], { show: true, env: withOwnNode() })).code;

async function shell(script, args) {
  if (!existsSync(script)) throw new Advice(`${script} is missing from this checkout.`);
  return (await run('bash', [script, ...args], { show: true, env: withOwnNode() })).code;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`\n${error instanceof Advice ? error.message : error.stack}\n`);
  process.exitCode = 1;
}

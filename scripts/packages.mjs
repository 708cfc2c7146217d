/** Installs the Debian packages a command needs, without starting a single daemon on this machine. */
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { Advice, announced, must, run, say } from './say.mjs';

const COMPILER = ['gcc', 'libc6-dev', 'musl-tools'];
const NAMESPACES = ['iproute2', 'util-linux', 'procps', 'iputils-ping', 'nftables'];
const KUBECTL = ['python3', 'python3-venv', 'ca-certificates'];
const LAB = [...COMPILER, ...NAMESPACES, ...KUBECTL, 'bird2', 'containernetworking-plugins'];
const ROUTERS = ['bird2', 'frr', 'gobgpd', 'openbgpd', 'exabgp', 'pmacct', 'tshark', 'tcpdump'];

/** Command → Debian packages. */
export const PACKAGES = {
  build: COMPILER,
  check: COMPILER,
  fuzz: [],
  lab: LAB,
  scenarios: LAB,
  contract: [...COMPILER, ...NAMESPACES, ...KUBECTL],
  interop: [...COMPILER, ...NAMESPACES, ...ROUTERS],
  test: [...new Set([...LAB, ...ROUTERS])],
  bench: [...new Set([...LAB, 'bird2', 'frr', 'python3'])],
  kubernetes: [...COMPILER, ...NAMESPACES, 'etcd-server', 'openssl', 'curl'],
};

/** Services that these packages would enable. */
const SERVICES = { bird2: ['bird'], frr: ['frr'], gobgpd: ['gobgpd'], openbgpd: ['openbgpd'], exabgp: ['exabgp'], 'etcd-server': ['etcd'] };
const POLICY = '/usr/sbin/policy-rc.d';
/** invoke-rc.d asks this script; 101 means "not allowed". */
const POLICY_TEXT = '#!/bin/sh\n# tortie: no daemon starts while packages are installed\nexit 101\n';

export async function installPackages(command) {
  const missing = await missingOf(PACKAGES[command] ?? []);
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Advice(`These programs are missing: ${missing.join(', ')} (names of Debian packages). There is no apt-get here: install them yourself.`);
  }
  if (process.getuid() !== 0) {
    throw new Advice(`Debian packages are missing: ${missing.join(' ')}\nRun this as root, or first: sudo apt-get install ${missing.join(' ')}`);
  }
  const ownPolicy = forbidDaemons();
  try {
    await announced('apt-get update', () => apt(['update', '-qq']));
    await announced(`apt-get install ${missing.join(' ')}`, () => apt(['install', '-qq', '-y', '--no-install-recommends', ...missing]));
  } finally {
    if (ownPolicy) allowDaemons();
  }
  await disableServices(missing);
}

async function missingOf(wanted) {
  if (wanted.length === 0) return [];
  const { output } = await run('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\n', ...wanted]);
  const present = new Set(output.split('\n').filter((l) => l.endsWith(' installed')).map((l) => l.split(' ')[0]));
  return wanted.filter((name) => !present.has(name));
}

const apt = (args) => must(`apt-get ${args[0]}`, 'apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args],
  { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } });

/** True when the policy file is ours; a left-over of an interrupted run of ours counts as ours. */
function forbidDaemons() {
  if (existsSync(POLICY) && readFileSync(POLICY, 'utf8') !== POLICY_TEXT) return false;
  writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, removePolicyAndExit);
  return true;
}

function allowDaemons() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, removePolicyAndExit);
  if (existsSync(POLICY)) unlinkSync(POLICY);
}

function removePolicyAndExit() {
  allowDaemons();
  process.exit(130);
}

/** Not at the next boot either: the tests start what they need themselves. */
async function disableServices(installed) {
  const services = installed.flatMap((name) => SERVICES[name] ?? []);
  if (services.length === 0 || !existsSync('/usr/bin/systemctl')) return;
  await run('systemctl', ['disable', '--quiet', ...services]);
  say(`- left disabled: ${services.join(', ')}`);
}

/** The daemons that are measured, one adapter each: how to configure, start, count and stop them. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PeerConfig, SpeakerConfig } from '../../config/messages/speaker-config.ts';
import type { BgpdMethods } from '../../config/messages/bgpd-control.ts';
import { connect, type RpcClient } from '../../sys/rpc.ts';
import { Daemon } from './process.ts';

export interface Neighbour {
  readonly address: string;
  readonly asn: number;
  readonly local: string;
  /** True: the neighbour dials. */
  readonly passive: boolean;
}

export interface TargetConfig {
  readonly asn: number;
  readonly routerId: string;
  readonly neighbours: readonly Neighbour[];
  readonly holdTimeSeconds: number;
  /** Learned routes go into the kernel. */
  readonly kernel: boolean;
  readonly gracefulRestart: boolean;
  /** Own blocks, announced to all. */
  readonly networks: readonly string[];
  /** Learned routes are passed on. */
  readonly transit: boolean;
}

export interface Target {
  readonly name: string;
  start(namespace: string, directory: string, config: TargetConfig): void;
  /** Starts again after it ended, as a supervisor would. */
  restart(): void;
  /** Routes accepted from that neighbour. Cheap. */
  accepted(neighbour: string): Promise<number>;
  pids(): number[];
  /** All processes at once, or, on SIGTERM, those that an upgrade would stop. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  stop(): Promise<void>;
}

const PROJECT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Our own speaker, as the bundle that is shipped. */
class Tortie implements Target {
  readonly name = 'tortie';
  #daemon: Daemon | undefined;
  #client: RpcClient<BgpdMethods> | undefined;
  #start: () => void = () => {};
  #socket = '';

  start(namespace: string, directory: string, c: TargetConfig): void {
    mkdirSync(directory, { recursive: true });
    this.#socket = join(directory, 'bgpd.sock');
    writeFileSync(join(directory, 'config.json'), JSON.stringify(speakerConfig(c)));
    const profile = process.env['PROFILE'];     // a folder that takes CPU profiles
    const command = [process.execPath, ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      join(PROJECT, 'dist', 'tortie.js'), 'bgpd',
      '--config', join(directory, 'config.json'), '--socket', this.#socket, '--state', join(directory, 'state')];
    this.#start = () => { this.#daemon = new Daemon(namespace, command, join(directory, 'log')); };
    this.#start();
  }

  restart(): void { this.#client = undefined; this.#start(); }

  async accepted(neighbour: string): Promise<number> {
    this.#client ??= await connect<BgpdMethods>(this.#socket);
    return (await this.#client.call('count', { peer: neighbour })).accepted;
  }

  pids(): number[] { return this.#daemon?.alive === true ? [this.#daemon.pid] : []; }
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> { await this.#daemon?.end(signal); }
  async stop(): Promise<void> { this.#client?.[Symbol.dispose](); await this.end(); }
}

function speakerConfig(c: TargetConfig): SpeakerConfig {
  const peers = c.neighbours.map((n): PeerConfig => ({
    name: `peer_${n.address.replaceAll('.', '_')}`, origin: 'static', address: n.address, port: 179, asn: n.asn,
    sourceAddress: n.local, passive: n.passive, families: ['ipv4'], holdTimeSeconds: c.holdTimeSeconds,
    connectRetrySeconds: 1, gracefulRestart: c.gracefulRestart, nextHop: 'auto', allowLocalAs: 0, importFilters: [],
    exportFilters: [c.transit ? 'all' : 'own'],
  }));
  return {
    global: {
      asn: c.asn, routerId: c.routerId, listen: { port: 179, addresses: [] },
      gracefulRestart: { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 },
      kernel: { table: 254, metric: 1024, install: c.kernel, maximumPaths: 8 },
    },
    peers: { peers },
    filters: { filters: [
      { name: 'all', rules: [], otherwise: 'accept' },
      { name: 'own', rules: [{ sources: ['originated'], action: 'accept' }], otherwise: 'reject' },
    ] },
    originate: { routes: c.networks.map((prefix) => ({ prefix, blackhole: true })) },
  };
}

class Bird implements Target {
  readonly name = 'bird';
  #daemon: Daemon | undefined;
  #directory = '';
  #namespace = '';
  #config: TargetConfig | undefined;

  start(namespace: string, directory: string, c: TargetConfig): void {
    mkdirSync(directory, { recursive: true });
    [this.#namespace, this.#directory, this.#config] = [namespace, directory, c];
    writeFileSync(join(directory, 'bird.conf'), birdConfig(c, directory));
    this.#run([]);
  }

  restart(): void { this.#run(this.#config?.gracefulRestart === true ? ['-R'] : []); }

  #run(options: string[]): void {
    this.#daemon = new Daemon(this.#namespace, ['/usr/sbin/bird', '-f', ...options, '-c', join(this.#directory, 'bird.conf'),
      '-s', join(this.#directory, 'ctl')], join(this.#directory, 'log'));
  }

  async accepted(neighbour: string): Promise<number> {
    const index = this.#config!.neighbours.findIndex((n) => n.address === neighbour);
    const text = await birdAsk(join(this.#directory, 'ctl'), `show route count protocol p${index}`);
    return Number(/(\d+) of \d+ routes/.exec(text)?.[1] ?? 0);
  }

  pids(): number[] { return this.#daemon?.alive === true ? [this.#daemon.pid] : []; }
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> { await this.#daemon?.end(signal); }
  async stop(): Promise<void> { await this.end('SIGKILL'); }
}

function birdConfig(c: TargetConfig, directory: string): string {
  const lines = [`log "${directory}/bird.log" { warning, error, fatal, bug };`, `router id ${c.routerId};`, 'protocol device { scan time 10; }'];
  if (c.kernel) {
    lines.push(`protocol kernel { persist; ${c.gracefulRestart ? 'graceful restart; ' : ''}scan time 60; merge paths on; `
      + 'ipv4 { import none; export where source = RTS_BGP || source = RTS_STATIC; }; }');
  }
  if (c.networks.length > 0) lines.push(`protocol static { ipv4; ${c.networks.map((n) => `route ${n} blackhole;`).join(' ')} }`);
  c.neighbours.forEach((n, i) => {
    const internal = n.asn === c.asn;
    lines.push(`protocol bgp p${i} { local ${n.local} as ${c.asn}; neighbor ${n.address} as ${n.asn}; hold time ${c.holdTimeSeconds};`
      + ` ${n.passive ? 'passive; ' : ''}direct; check link; graceful restart ${c.gracefulRestart ? 'on' : 'off'};`
      + ' connect delay time 1; connect retry time 1; error wait time 1,2;'
      + ` ipv4 { import all; export ${c.transit ? 'all' : 'where source = RTS_STATIC'}; ${internal ? 'next hop self; ' : ''}}; }`);
  });
  return `${lines.join('\n')}\n`;
}

/** One command over BIRD's control socket; the answer's text. */
function birdAsk(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.startsWith('0001') && text.split('\n').length === 2) socket.write(`${command}\n`);
      else if (/^(0000|[189]\d{3}) .*\n$/m.test(text.slice(text.indexOf('\n') + 1)) || /\n0000 *\n/.test(text)) socket.end();
    });
    socket.on('close', () => { resolve(text); });
  });
}

/** zebra and bgpd; zebra stays on an upgrade of bgpd, with -K so that it keeps routes. */
class Frr implements Target {
  readonly name = 'frr';
  #zebra: Daemon | undefined;
  #bgpd: Daemon | undefined;
  #directory = '';
  #namespace = '';

  start(namespace: string, directory: string, c: TargetConfig): void {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    [this.#namespace, this.#directory] = [namespace, directory];
    writeFileSync(join(directory, 'bgpd.conf'), frrConfig(c));
    writeFileSync(join(directory, 'zebra.conf'), '');
    execFileSync('chown', ['-R', 'frr:frr', directory]);
    if (c.kernel || c.networks.length > 0) this.#startZebra();
    this.#startBgpd();
  }

  #startZebra(): void {
    this.#zebra = new Daemon(this.#namespace, ['/usr/lib/frr/zebra', '-f', join(this.#directory, 'zebra.conf'),
      '-i', join(this.#directory, 'zebra.pid'), '-z', join(this.#directory, 'zserv'), '--vty_socket', this.#directory, '-K', '120', '-r'],
    join(this.#directory, 'zebra.log'));
  }

  #startBgpd(): void {
    this.#bgpd = new Daemon(this.#namespace, ['/usr/lib/frr/bgpd', '-f', join(this.#directory, 'bgpd.conf'),
      '-i', join(this.#directory, 'bgpd.pid'), '-z', join(this.#directory, 'zserv'), '--vty_socket', this.#directory,
      ...(this.#zebra ? [] : ['-Z'])], join(this.#directory, 'bgpd.log'));
  }

  restart(): void {
    if (this.#zebra?.alive === false) this.#startZebra();
    this.#startBgpd();
  }

  async accepted(neighbour: string): Promise<number> {
    const text = await new Promise<string>((resolve) => {
      execFile('vtysh', ['--vty_socket', this.#directory, '-d', 'bgpd', '-c', 'show bgp ipv4 unicast summary json'],
        { maxBuffer: 1 << 24 }, (_error, out) => { resolve(out); });
    });
    try {
      const peers = (JSON.parse(text) as { peers: Record<string, { pfxRcd?: number }> }).peers;
      return peers[neighbour]?.pfxRcd ?? 0;
    } catch {
      return 0;
    }
  }

  pids(): number[] { return [this.#zebra, this.#bgpd].filter((d) => d?.alive === true).map((d) => d!.pid); }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#bgpd?.end(signal);
    if (signal === 'SIGKILL') await this.#zebra?.end(signal);
  }

  async stop(): Promise<void> { await this.end('SIGKILL'); }
}

function frrConfig(c: TargetConfig): string {
  const lines = [`router bgp ${c.asn}`, ` bgp router-id ${c.routerId}`, ' no bgp ebgp-requires-policy', ' no bgp network import-check',
    ...(c.gracefulRestart ? [' bgp graceful-restart', ' bgp graceful-restart preserve-fw-state'] : [])];
  for (const n of c.neighbours) {
    lines.push(` neighbor ${n.address} remote-as ${n.asn}`, ` neighbor ${n.address} update-source ${n.local}`,
      ` neighbor ${n.address} timers ${Math.round(c.holdTimeSeconds / 3)} ${c.holdTimeSeconds}`, ` neighbor ${n.address} timers connect 1`,
      ` neighbor ${n.address} advertisement-interval 0`, ...(n.passive ? [` neighbor ${n.address} passive`] : []));
  }
  lines.push(' address-family ipv4 unicast', ...c.networks.map((n) => `  network ${n}`));
  for (const n of c.neighbours) {
    if (!c.transit) lines.push(`  neighbor ${n.address} route-map own out`);
  }
  lines.push(' exit-address-family', 'exit', 'ip prefix-list own seq 5 permit 10.255.255.192/26', 'route-map own permit 10', ' match ip address prefix-list own');
  return `${lines.join('\n')}\n`;
}

export const TARGETS: Readonly<Record<string, () => Target>> = {
  tortie: () => new Tortie(), bird: () => new Bird(), frr: () => new Frr(),
};

/** One node of a running lab, and places in general, as scenario tests see them. */
import type { SpeakerStatus } from '../config/messages/bgpd-control.ts';
import { BGPD_ROUTE_PROTOCOL } from '../lib/ownership.ts';
import { OperationError } from '../lib/errors.ts';
import type { ExecResult } from '../sys/exec.ts';
import type { Lab } from './lab.ts';
import { lastLines } from './log-lines.ts';
import type { NodeView } from './messages.ts';
import { daemonLog } from './plan.ts';

/** A kernel route as `ip -json route` prints it. */
export interface RouteLine {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly type?: string;
  readonly protocol: string;
  readonly metric?: number;
  readonly nexthops?: readonly { readonly gateway?: string; readonly dev: string }[];
}

const LOG_LINES = 15;

/** Anything that commands run in: a node, a pod, the ToR router, the host. */
export class Place {
  readonly name: string;
  protected readonly lab: Lab;

  constructor(lab: Lab, name: string) {
    this.lab = lab;
    this.name = name;
  }

  exec(command: readonly string[], timeoutMs?: number): Promise<ExecResult> { return this.lab.exec(this.name, command, timeoutMs); }

  async execOrThrow(command: readonly string[]): Promise<string> {
    const r = await this.exec(command);
    if (r.status !== 0) throw new OperationError('LAB_EXEC', { place: this.name, command: command.join(' ') }, new Error(r.stderr));
    return r.stdout;
  }

  /** Kernel routes of the main table, of one protocol when said. */
  async kernelRoutes(family: 'ipv4' | 'ipv6', protocol?: number | string): Promise<RouteLine[]> {
    const text = await this.execOrThrow(['ip', family === 'ipv4' ? '-4' : '-6', '-json', '-N', 'route', 'show', 'table', 'main',
      ...(protocol === undefined ? [] : ['proto', String(protocol)])]);
    return text.trim() === '' ? [] : JSON.parse(text) as RouteLine[];
  }
}

export class LabNode extends Place {
  /** Destinations of our BGP routes in the kernel, blackholes of own blocks left out. Both families unless said. */
  async routes(family?: 'ipv4' | 'ipv6'): Promise<string[]> {
    const families = family === undefined ? ['ipv4', 'ipv6'] as const : [family];
    const lines = await Promise.all(families.map((f) => this.kernelRoutes(f, BGPD_ROUTE_PROTOCOL)));
    return lines.flat().filter((r) => r.type !== 'blackhole' && r.type !== '6').map((r) => r.dst);
  }

  /** Removes all our BGP routes behind bgpd's back. */
  async flushRoutes(): Promise<void> {
    for (const family of ['-4', '-6']) await this.exec(['ip', family, 'route', 'flush', 'proto', String(BGPD_ROUTE_PROTOCOL)]);
  }

  speaker(): Promise<SpeakerStatus | null> { return this.lab.status(this.name); }

  async view(): Promise<NodeView> {
    const found = (await this.lab.view()).nodes.find((n) => n.name === this.name);
    if (found === undefined) throw new OperationError('LAB_NODE', { node: this.name });
    return found;
  }

  /** The daemon is started again a second later by the lab. */
  signal(daemon: 'bfdd' | 'bgpd' | 'agent', signal: NodeJS.Signals): Promise<number> {
    return this.lab.signal(this.name, daemon, signal);
  }

  /** A crash: its cable goes out, then everything in it dies. */
  async crash(): Promise<void> { await this.lab.break('kill', this.name); }
  async breakLink(): Promise<void> { await this.lab.break('link', this.name); }
  async pause(): Promise<void> { await this.lab.break('pause', this.name); }
  async heal(): Promise<void> { await this.lab.heal(this.name); }

  log(daemon: string, lines = LOG_LINES): string { return lastLines(daemonLog(this.lab.name, this.name, daemon), lines); }

  async report(): Promise<string> {
    const status = await this.speaker().catch(() => null);
    const routes = await Promise.all(['-4', '-6'].map((f) => this.exec(['ip', f, 'route']).then((r) => r.stdout, String)));
    const peers = status?.peers.map((p) => `  ${p.name} ${p.address} ${p.state} received ${p.received} stale ${p.stale} ${p.info}`) ?? ['  bgpd does not answer'];
    return [`== ${this.name}: routes`, ...routes, 'peers:', ...peers, 'bgpd log:', this.log('bgpd'), 'agent log:', this.log('agent')].join('\n');
  }
}

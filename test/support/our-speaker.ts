/** Our bgpd as a process in a namespace of a test, told what to do by file and by its control socket. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BgpdMethods, PeerStatus, Sections, SpeakerStatus } from '../../config/messages/bgpd-control.ts';
import type { PeerConfig, SpeakerConfig } from '../../config/messages/speaker-config.ts';
import { connect } from '../../sys/rpc.ts';
import { eventually, type Netns, type Process } from './namespaces.ts';

const PROGRAM = join(import.meta.dirname, '../../main.ts');

export interface SpeakerSettings {
  readonly asn: number;
  readonly routerId: string;
  readonly originate?: readonly string[];
  /** At least `name`, `address`, `asn` and `families`. */
  readonly peers: readonly PeerSettings[];
  readonly restartTimeSeconds?: number;
}
export type PeerSettings = Partial<PeerConfig> & Pick<PeerConfig, 'name' | 'address' | 'asn' | 'families'>;

/** A whole configuration; hold time 6 s and quick retries unless a peer says otherwise. */
export function speakerConfig({ asn, routerId, originate = [], peers, restartTimeSeconds = 30 }: SpeakerSettings): SpeakerConfig {
  return {
    global: {
      asn, routerId, listen: { port: 179, addresses: [] },
      gracefulRestart: { restartTimeSeconds, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 10 },
      kernel: { table: 254, metric: 1024, install: true, maximumPaths: 8 },
    },
    filters: { filters: [] },
    originate: { routes: originate.map((prefix) => ({ prefix, blackhole: true })) },
    peers: {
      peers: peers.map((p) => ({
        origin: 'static', port: 179, passive: false, holdTimeSeconds: 6, connectRetrySeconds: 1, gracefulRestart: true,
        nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: [], ...p,
      })),
    },
  };
}

export class OurSpeaker {
  readonly ns: Netns;
  readonly #name: string;
  #process: Process;
  #revision = 1;

  private constructor(ns: Netns, name: string, process: Process) {
    this.ns = ns;
    this.#name = name;
    this.#process = process;
  }

  static async start(ns: Netns, config: SpeakerConfig): Promise<OurSpeaker> {
    const name = 'bgpd';
    writeFileSync(join(ns.directory, `${name}.json`), JSON.stringify(config));
    const started = new OurSpeaker(ns, name, spawnBgpd(ns, name));
    await started.#answers();
    return started;
  }

  get log(): string { return this.#process.output; }
  get process(): Process { return this.#process; }

  /** Starts it again after it was ended: from its state file, which holds what it was last told. */
  async startAgain(): Promise<void> {
    await this.#process.ended;
    this.#process = spawnBgpd(this.ns, this.#name, false);
    await this.#answers();
  }

  status(): Promise<SpeakerStatus> { return this.#call('status', {}); }

  async peer(name: string): Promise<PeerStatus> {
    const found = (await this.status()).peers.find((p) => p.name === name);
    if (!found) throw new Error(`our speaker has no peer ${name}`);
    return found;
  }

  routes(params: BgpdMethods['routes']['params'] = {}): Promise<BgpdMethods['routes']['result']> { return this.#call('routes', params); }

  async clear(peer: string, mode: BgpdMethods['clear']['params']['mode']): Promise<void> { await this.#call('clear', { peer, mode }); }
  detail(peer: string): Promise<BgpdMethods['peer']['result']> { return this.#call('peer', { peer }); }

  async apply(config: Partial<SpeakerConfig>): Promise<void> {
    const revision = ++this.#revision;
    const sections = Object.fromEntries(Object.entries(config).map(([name, value]) => [name, { revision, value }])) as Sections;
    await this.#call('apply', { version: 1, sender: 'test', sections });
  }

  async established(ms: number, ...names: string[]): Promise<void> {
    await eventually(ms, async () => {
      for (const name of names) {
        const p = await this.peer(name);
        if (p.state !== 'Established') throw new Error(`${name} is ${p.state} (${p.info}; last error: ${p.lastError ?? 'none'})`);
      }
    });
  }

  async #answers(): Promise<void> {
    await eventually(15_000, async () => {
      if (!this.#process.running) throw new Error(`bgpd ended: ${this.#process.output}`);
      await this.status();
    });
  }

  async #call<K extends keyof BgpdMethods>(method: K, params: BgpdMethods[K]['params']): Promise<BgpdMethods[K]['result']> {
    const client = await connect<BgpdMethods>(join(this.ns.directory, `${this.#name}.sock`));
    try {
      return await client.call(method, params as never);
    } finally {
      client[Symbol.dispose]();
    }
  }
}

/** With its configuration file the first time, from its state file later. */
function spawnBgpd(ns: Netns, name: string, first = true): Process {
  const path = (extension: string): string => join(ns.directory, `${name}.${extension}`);
  return ns.spawn(process.execPath, [
    '--disable-warning=ExperimentalWarning', PROGRAM, 'bgpd', ...(first ? ['--config', path('json')] : []),
    '--socket', path('sock'), '--state', path('state'), '--bfd-socket', join(ns.directory, 'bfdd.sock'),
  ], { TORTIE_LOG_LEVEL: 'debug', NODE_OPTIONS: '' });
}

/** BIRD 1.6 with the configuration that Calico renders: a node of Calico's in a mesh with ours. One daemon for each family. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FAMILIES, type Family } from '../../lib/ip/prefix.ts';
import type { Capability } from './capabilities.ts';
import { calicoConfiguration, type CalicoNodeSettings } from './calico-configuration.ts';
import { eventually, sh, type Netns, type Process } from './namespaces.ts';

let folder: string | undefined;

/** Fetched once where it is not there yet. */
export const bird1: Capability = {
  name: 'BIRD 1.6',
  missing: () => {
    const { status, stdout, stderr } = spawnSync(resolve('scripts/bird1.sh'), { encoding: 'utf8', timeout: 60_000 });
    if (status !== 0) return stderr.trim() || 'scripts/bird1.sh failed';
    folder = stdout.trim();
    return undefined;
  },
};

const PROGRAMS = { ipv4: ['bird', 'birdc'], ipv6: ['bird6', 'birdc6'] } as const;

export class CalicoBird {
  readonly ns: Netns;
  readonly #processes = new Map<Family, Process>();

  private constructor(ns: Netns) { this.ns = ns; }

  static async start(ns: Netns, settings: CalicoNodeSettings): Promise<CalicoBird> {
    const node = new CalicoBird(ns);
    for (const family of FAMILIES) writeFileSync(node.#path(family, 'conf'), calicoConfiguration(settings, family));
    for (const family of FAMILIES) await node.#spawn(family);
    return node;
  }

  get output(): string { return [...this.#processes.values()].map((p) => p.output).join('\n'); }

  birdc(family: Family, ...words: string[]): string { return sh(join(folder!, PROGRAMS[family][1]), '-s', this.#path(family, 'ctl'), ...words); }

  session(family: Family): string {
    const line = this.birdc(family, 'show', 'protocols').split('\n').find((l) => l.startsWith('Mesh_')) ?? '';
    return line.includes('Established') ? 'Established' : line;
  }

  /** Both daemons die, and come back as those that were restarted. */
  async restart(): Promise<void> {
    for (const family of FAMILIES) await this.#processes.get(family)!.kill();
    for (const family of FAMILIES) await this.#spawn(family);
  }

  async #spawn(family: Family): Promise<void> {
    // Calico starts it with -R always: what is in the kernel is kept until graceful restart has ended.
    this.#processes.set(family, this.ns.spawn(join(folder!, PROGRAMS[family][0]), ['-R', '-f', '-c', this.#path(family, 'conf'), '-s', this.#path(family, 'ctl')]));
    await eventually(10_000, () => this.birdc(family, 'show', 'status'));
  }

  #path(family: Family, extension: string): string { return join(this.ns.directory, `calico-${family}.${extension}`); }
}

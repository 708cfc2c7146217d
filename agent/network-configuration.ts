/** Keeps the network configuration of runtimes in step with the pools: it appears with the first pool, and names its families. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installConfiguration } from '../cni/install.ts';
import { DEFAULT_NETWORK_NAME, familiesIn, networkList } from '../cni/protocol/network-list.ts';
import { messageOf } from '../lib/errors.ts';
import { FAMILIES, type Family } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';

export interface NetworkConfigurationOptions {
  /** Where executables are; `portmap` is chained when it is there. */
  readonly binDirectory: string;
  /** The file that runtimes read. */
  readonly path: string;
}

/** Call `update` whenever pools may have changed. Without a family nothing is written: no pod could get an address. */
export class NetworkConfigurationFile {
  readonly #options: NetworkConfigurationOptions;
  readonly #log: Log;
  #written = '';
  #last: Promise<void> = Promise.resolve();

  constructor(options: NetworkConfigurationOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /**
   * Resolves when it is on disk. What a person has changed in the file since stays until the families change.
   * `keep`: no family is taken out, because a pool is not missing but wrong: its pods must fail loudly, not come up with half of their addresses.
   */
  update(open: readonly Family[], keep = false): Promise<void> {
    const { path } = this.#options;
    const kept = keep && existsSync(path) ? familiesIn(readFileSync(path, 'utf8')) : [];
    const families = FAMILIES.filter((f) => open.includes(f) || kept.includes(f));
    if (families.length === 0) return this.#last;
    const portmap = existsSync(join(this.#options.binDirectory, 'portmap'));
    const text = networkList({ name: DEFAULT_NETWORK_NAME, cniVersion: '1.0.0', families, portmap });
    if (text === this.#written) return this.#last;
    this.#written = text;
    this.#last = this.#last.then(() => this.#write(text));
    return this.#last;
  }

  async #write(text: string): Promise<void> {
    try {
      if (await installConfiguration(text, this.#options.path)) this.#log.info('cni.configuration', { path: this.#options.path });
    } catch (error) {
      this.#written = '';
      this.#log.error('cni.configuration', { path: this.#options.path, reason: messageOf(error) });
    }
  }
}

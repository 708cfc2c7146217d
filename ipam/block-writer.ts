/** All writes to one block, one after the other; what is asked while a write is under way shares the next one. */
import type { IPAMBlock } from '../config/kinds/ipam.ts';
import type { Ip, Prefix } from '../lib/ip/prefix.ts';
import { OperationError } from '../lib/errors.ts';
import { showPrefix } from '../lib/ip/text.ts';
import {
  addressOfOrdinal, assign, collectCooled, flawOf, freeOrdinals, isEmpty, nextWrite, releaseHandle,
  type BlockSpec, type Cooldown, type Holder, type IsReserved,
} from './blocks/block.ts';
import { blockNameOf } from './blocks/names.ts';
import type { IpamStore } from './store.ts';

/** As often Calico tries before it calls it excessive. */
const ATTEMPTS = 100;

export interface BlockWriterPorts {
  readonly store: IpamStore;
  readonly cooldown: () => Cooldown;
}

interface Job {
  /** The next block, or the same one when there is nothing to write; `settle` is called once that is in the API. */
  readonly change: (block: BlockSpec) => { readonly block: BlockSpec; readonly settle: () => void };
  /** The block is not there any more. */
  readonly lost: () => void;
  readonly fail: (error: unknown) => void;
}

export class BlockWriter {
  readonly cidr: Prefix;
  readonly #ports: BlockWriterPorts;
  /** As last seen in the API; undefined: to be read before the next write. */
  #stored: IPAMBlock | undefined;
  #jobs: Job[] = [];
  #busy = false;
  #promised = 0;

  constructor(ports: BlockWriterPorts, cidr: Prefix, stored?: IPAMBlock) {
    this.#ports = ports;
    this.cidr = cidr;
    this.#stored = stored;
  }

  /** Free addresses that nobody has been promised, as far as is known. */
  room(isReserved: IsReserved): number {
    if (this.#stored === undefined) return 0;
    return freeOrdinals(collectCooled(this.#stored.spec, this.#ports.cooldown()), isReserved).length - this.#promised;
  }

  /** Keeps one place for who is about to `assign`. Disposing gives it back, taken or not. */
  promise(): Disposable {
    this.#promised++;
    let open = true;
    return { [Symbol.dispose]: () => { if (open) this.#promised--; open = false; } };
  }

  /**
   * An address for the holder. `full`: others were faster. `lost`: the block is gone, or no longer `affinity`'s.
   * `onChosen` is told of the address as its write begins, and again of another one when that write has lost.
   */
  assign(holder: Holder, affinity: string, isReserved: IsReserved, onChosen: (address: Ip) => void = () => {}): Promise<Ip | 'full' | 'lost'> {
    return this.#submit<Ip | 'full' | 'lost'>('lost', (block) => {
      if (block.affinity !== affinity) return { block, value: 'lost' };
      const given = assign(block, holder, isReserved);
      if (given === undefined) return { block, value: 'full' };
      const address = addressOfOrdinal(given.block, given.ordinal);
      onChosen(address);
      return { block: given.block, value: address };
    });
  }

  /** Frees what a handle holds: how many addresses that was. A block that is gone holds none. */
  release(handle: string): Promise<number> {
    return this.#submit(0, (block) => {
      const { block: next, ordinals } = releaseHandle(block, handle, this.#ports.cooldown());
      return { block: next, value: ordinals.length };
    });
  }

  #submit<T>(lost: T, change: (block: BlockSpec) => { readonly block: BlockSpec; readonly value: T }): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#jobs.push({
      change: (block) => { const { block: next, value } = change(block); return { block: next, settle: () => { resolve(value); } }; },
      lost: () => { resolve(lost); },
      fail: reject,
    });
    if (!this.#busy) void this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs;
      this.#jobs = [];
      try {
        await this.#carryOut(jobs);
      } catch (error) {
        this.#stored = undefined; // whether the write arrived is not known
        for (const job of jobs) job.fail(error);
      }
    }
    this.#busy = false;
  }

  async #carryOut(jobs: readonly Job[]): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const stored = this.#stored ?? await this.#read();
      if (stored === undefined) { for (const job of jobs) job.lost(); return; }
      const before = collectCooled(stored.spec, this.#ports.cooldown());
      let next = before;
      const settle = jobs.map((job) => {
        const outcome = job.change(next);
        next = outcome.block;
        return outcome.settle;
      });
      const written = next === before || await this.#write(stored, next);
      if (!written) continue;
      for (const done of settle) done();
      return;
    }
    throw new OperationError('IPAM_CONTENTION', { block: showPrefix(this.cidr), attempts: ATTEMPTS });
  }

  async #read(): Promise<IPAMBlock | undefined> {
    const stored = await this.#ports.store.get('IPAMBlock', blockNameOf(this.cidr));
    const flaw = stored === undefined ? undefined : flawOf(stored.spec);
    if (flaw !== undefined) throw new OperationError('IPAM_BLOCK_BROKEN', { block: showPrefix(this.cidr) }, new Error(flaw));
    this.#stored = stored;
    return stored;
  }

  /** False: somebody else was faster; read again and think again. A block that nobody has or uses is deleted instead. */
  async #write(stored: IPAMBlock, next: BlockSpec): Promise<boolean> {
    const { store } = this.#ports;
    if (next.affinity === undefined && isEmpty(next)) {
      this.#stored = undefined;
      return await store.remove('IPAMBlock', stored) !== 'conflict';
    }
    const written = await store.update('IPAMBlock', { ...stored, spec: nextWrite(next) });
    this.#stored = typeof written === 'string' ? undefined : written;
    return typeof written !== 'string';
  }
}

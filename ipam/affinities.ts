/**
 * The blocks of this node: found by their affinities, claimed, confirmed, and let go when they turn out to be another's.
 *
 * ```
 *   affinity pending ──► block created (the claim) ──► affinity confirmed ──► announced
 *         │                     │ exists, another's
 *         └─────────────────────┴──► affinity deleted
 * ```
 * The affinity is only the intent: the block's creation is the claim, and what the block says is the truth.
 */
import type { BlockAffinity, IPAMBlock } from '../config/kinds/ipam.ts';
import type { Clock } from '../lib/clock.ts';
import { familyOf, type Prefix } from '../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import { BlockWriter, type BlockWriterPorts } from './block-writer.ts';
import { flawOf, newBlock, nextWrite } from './blocks/block.ts';
import { UNLABELLED_SELECTOR, affinityLabels, affinityNameOf, affinityOf, affinitySelector, blockNameOf } from './blocks/names.ts';

export interface AffinityPorts extends BlockWriterPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly node: string;
}

export class Affinities {
  readonly #ports: AffinityPorts;
  /** Ours by affinity; undefined until the block has been read and confirmed. */
  readonly #blocks = new Map<Prefix, BlockWriter | undefined>();
  /** Ours, but they break their own rules: neither used nor claimed until somebody has repaired them. */
  readonly #broken = new Set<Prefix>();
  readonly #running = new Map<string, Promise<unknown>>();
  #found = false;

  constructor(ports: AffinityPorts) { this.#ports = ports; }

  get blocks(): ReadonlyMap<Prefix, BlockWriter | undefined> { return this.#blocks; }

  /** Finds the affinities of this node, once, and reads their blocks. */
  async load(): Promise<void> {
    if (!this.#found) await this.#shared('load', () => this.#load());
  }

  /** Finds them anew and settles what a crash left half done. */
  async reload(): Promise<void> {
    this.#found = false;
    await this.load();
  }

  /**
   * All blocks of the cluster that cannot be claimed. One that says it is ours and that no affinity leads to can be:
   * somebody deleted the affinity in between.
   */
  survey(): Promise<ReadonlySet<Prefix>> {
    return this.#shared('survey', async () => {
      const taken = new Set<Prefix>();
      for (const { spec } of await this.#ports.store.list('IPAMBlock')) {
        const cidr = parsePrefix(spec.cidr);
        if (cidr !== undefined && !(spec.affinity === affinityOf(this.#ports.node) && this.#isUnknown(cidr))) taken.add(cidr);
      }
      return taken;
    });
  }

  /** Tries to make a free block ours. Afterwards it is in `blocks`, or it is somebody else's. Requests of one family share it. */
  claim(cidr: Prefix): Promise<void> {
    return this.#shared(`claim ${familyOf(cidr)}`, async () => {
      const { store, node } = this.#ports;
      const created = await store.create('BlockAffinity', affinityNameOf(node, cidr), {
        cidr: showPrefix(cidr), deleted: false, node, state: 'pending', type: 'host',
      }, affinityLabels(node, familyOf(cidr)));
      if (created === 'exists') await this.#settle(cidr);
      else await this.#createBlock(cidr, created);
    });
  }

  /** Reads the block of an affinity: confirms it when it is ours, drops the affinity when it is not. */
  settle(cidr: Prefix): Promise<void> {
    return this.#shared(`settle ${cidr}`, () => this.#settle(cidr));
  }

  /** The block turned out not to be ours. Its affinity is looked at again. */
  lose(cidr: Prefix): void {
    if (this.#blocks.get(cidr) !== undefined) this.#blocks.set(cidr, undefined);
  }

  #isUnknown(cidr: Prefix): boolean { return !this.#blocks.has(cidr) && !this.#broken.has(cidr); }

  async #load(): Promise<void> {
    const { store, node } = this.#ports;
    this.#broken.clear();
    const [labelled, unlabelled] = await Promise.all([
      store.list('BlockAffinity', affinitySelector(node)), store.list('BlockAffinity', UNLABELLED_SELECTOR),
    ]);
    const ours = [...labelled, ...unlabelled].filter((a) => a.spec.node === node && (a.spec.type ?? 'host') === 'host');
    const byCidr = new Map(ours.map((a) => [parsePrefix(a.spec.cidr), a]));
    for (const cidr of this.#blocks.keys()) if (!byCidr.has(cidr)) this.#blocks.delete(cidr);
    for (const [cidr, affinity] of byCidr) {
      if (cidr !== undefined && !(this.#blocks.get(cidr) && isConfirmed(affinity))) this.#blocks.set(cidr, undefined);
    }
    await Promise.all(unlabelled.filter((a) => ours.includes(a)).map((a) => this.#label(a)));
    await Promise.all([...this.#blocks].filter(([, writer]) => writer === undefined).map(([cidr]) => this.settle(cidr)));
    this.#found = true;
  }

  /** Releases before 3.31 drop the labels by which newer ones find a node's blocks. */
  async #label(affinity: BlockAffinity): Promise<void> {
    const cidr = parsePrefix(affinity.spec.cidr);
    if (cidr === undefined) return;
    const labels = { ...affinity.metadata.labels, ...affinityLabels(this.#ports.node, familyOf(cidr)) };
    await this.#ports.store.update('BlockAffinity', { ...affinity, metadata: { ...affinity.metadata, labels } });
  }

  async #settle(cidr: Prefix): Promise<void> {
    const { store, node } = this.#ports;
    const affinity = await store.get('BlockAffinity', affinityNameOf(node, cidr));
    if (affinity === undefined) { this.#blocks.delete(cidr); return; }
    const block = await store.get('IPAMBlock', blockNameOf(cidr));
    if (block === undefined) await this.#createBlock(cidr, affinity);
    else if (block.spec.affinity === affinityOf(node)) await this.#confirm(cidr, affinity, block);
    else await this.#drop(cidr, affinity);
  }

  async #createBlock(cidr: Prefix, affinity: BlockAffinity): Promise<void> {
    const { store, node, clock } = this.#ports;
    const pending = affinity.spec.state === 'pending' ? affinity : await this.#setState(affinity, 'pending');
    if (pending === undefined) return;
    const created = await store.create('IPAMBlock', blockNameOf(cidr), newBlock(cidr, affinityOf(node), clock.wallTime()));
    if (created === 'exists') { await this.#settle(cidr); return; }
    await this.#setState(pending, 'confirmed');
    this.#adopt(cidr, created);
  }

  /** A block that is ours under an affinity that does not say so: its revision moves, so that nobody's older plan applies. */
  async #confirm(cidr: Prefix, affinity: BlockAffinity, block: IPAMBlock): Promise<void> {
    if (isConfirmed(affinity)) { this.#adopt(cidr, block); return; }
    const pending = await this.#setState(affinity, 'pending');
    const moved = await this.#ports.store.update('IPAMBlock', { ...block, spec: nextWrite(block.spec) });
    if (pending === undefined || typeof moved === 'string') return;
    if (await this.#setState(pending, 'confirmed') !== undefined) this.#adopt(cidr, moved);
  }

  /** A block that breaks its own rules is not used, and not written to. */
  #adopt(cidr: Prefix, block: IPAMBlock): void {
    const flaw = flawOf(block.spec);
    if (flaw === undefined) {
      this.#blocks.set(cidr, new BlockWriter(this.#ports, cidr, block));
    } else {
      this.#ports.log.error('ipam.block-broken', { block: showPrefix(cidr), flaw });
      this.#blocks.delete(cidr);
      this.#broken.add(cidr);
    }
  }

  async #drop(cidr: Prefix, affinity: BlockAffinity): Promise<void> {
    this.#ports.log.info('ipam.affinity-dropped', { block: showPrefix(cidr), why: 'the block is not ours' });
    this.#blocks.delete(cidr);
    await this.#ports.store.remove('BlockAffinity', affinity);
  }

  /** Undefined: somebody changed it; whoever asks again sees what it is now. */
  async #setState(affinity: BlockAffinity, state: 'pending' | 'confirmed'): Promise<BlockAffinity | undefined> {
    const written = await this.#ports.store.update('BlockAffinity', { ...affinity, spec: { ...affinity.spec, state } });
    return typeof written === 'string' ? undefined : written;
  }

  /** One at a time of each: who comes later shares the outcome. */
  #shared<T>(what: string, body: () => Promise<T>): Promise<T> {
    const running = this.#running.get(what) as Promise<T> | undefined;
    if (running) return running;
    const started = body().finally(() => { this.#running.delete(what); });
    this.#running.set(what, started);
    return started;
  }
}

/** Empty is what old releases wrote for confirmed. */
const isConfirmed = (affinity: BlockAffinity): boolean => affinity.spec.state === 'confirmed' || affinity.spec.state === '';

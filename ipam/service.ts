/** Addresses for containers: allocated from the blocks of this node, released by the handle they were given under. */
import type { IPAMHandle } from '../config/kinds/ipam.ts';
import type { Clock } from '../lib/clock.ts';
import { OperationError, messageOf } from '../lib/errors.ts';
import type { Family, Ip, Prefix } from '../lib/ip/prefix.ts';
import { prefix, showPrefix } from '../lib/ip/text.ts';
import type { Log } from '../lib/log.ts';
import type { Labels } from '../lib/selector/ast.ts';
import { Affinities } from './affinities.ts';
import { BlockWriter, type BlockWriterPorts } from './block-writer.ts';
import { explainRefusal, nextStep, reservationOf, type IpamView } from './blocks/allocator.ts';
import type { Cooldown, Holder, IsReserved } from './blocks/block.ts';
import { newHandle, withBlocks } from './blocks/handle.ts';
import { affinityOf, handleNameOf, hostSeed } from './blocks/names.ts';
import type { PoolRequest, Rejection } from './blocks/pools.ts';
import type { IpamStore } from './store.ts';

export interface IpamPorts {
  readonly store: IpamStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly node: string;
  /** The cluster as it is known now. */
  readonly view: () => IpamView;
}

export interface AllocateRequest extends Holder {
  readonly families: readonly Family[];
  /** Names or CIDRs of pools asked for; empty: those that select node and namespace. */
  readonly pools: { readonly [F in Family]: readonly string[] };
  readonly namespaceLabels: Labels;
}

/** An address with the block it is from. */
export interface Given { readonly address: Ip; readonly block: Prefix }

export type AllocateResult =
  /** One for each family, in their order. */
  | { readonly type: 'allocated'; readonly addresses: readonly Given[] }
  /** Nothing is held. `reason` names each pool and why it gave nothing. */
  | { readonly type: 'refused'; readonly reason: string };

/** More rounds than that without an outcome mean that something is wrong with us. */
const ROUNDS = 100;

/** A place promised in a block. */
interface Place extends Disposable { readonly writer: BlockWriter }

export class Ipam {
  readonly #ports: IpamPorts;
  readonly #writerPorts: BlockWriterPorts;
  readonly #affinities: Affinities;
  /** Handles as we last wrote them, so that a release need not read them. */
  readonly #handles = new Map<string, IPAMHandle>();

  constructor(ports: IpamPorts) {
    this.#ports = ports;
    const cooldown = (): Cooldown => ({ nowMs: ports.clock.wallTime(), seconds: ports.view().settings.cooldownSeconds });
    this.#writerPorts = { store: ports.store, cooldown };
    this.#affinities = new Affinities({ ...ports, cooldown });
  }

  /** Blocks of this node, for status. */
  get blocks(): readonly string[] { return [...this.#affinities.blocks.keys()].map(showPrefix); }

  /** Reads the node's blocks; settles affinities that a crash left pending. Safe to repeat. */
  repair(): Promise<void> { return this.#affinities.reload(); }

  /**
   * One address a family, all or none. What an earlier attempt left under the same handle is released first.
   * `onTentative` is told of the addresses as they begin to be written: others may still be faster, but seldom are.
   * Rejects when the API fails: what is held then is not known, and `release` must be called until it succeeds.
   */
  async allocate(request: AllocateRequest, onTentative: (given: readonly Given[]) => void = () => {}): Promise<AllocateResult> {
    await this.#affinities.load();
    const places = await all(request.families.map((family) => this.#place(request, family)));
    try {
      const refused = places.filter(isRefusal);
      if (refused.length > 0) return { type: 'refused', reason: refused.map((r) => r.reason).join('; ') };
      await this.#openHandle(request.handle, places.filter(isPlace).map((p) => p.writer.cidr));
      const chosen: Given[] = [];
      const choose = (i: number) => (given: Given): void => {
        chosen[i] = given;
        if (Object.keys(chosen).length === request.families.length) onTentative([...chosen]);
      };
      const taken = await all(request.families.map((family, i) => this.#take(request, family, places[i] as Place, choose(i))));
      const failed = taken.filter(isRefusal);
      if (failed.length === 0) return { type: 'allocated', addresses: taken as Given[] };
      await this.release(request.handle);
      return { type: 'refused', reason: failed.map((r) => r.reason).join('; ') };
    } finally {
      for (const place of places.filter(isPlace)) place[Symbol.dispose]();
    }
  }

  /** Frees everything under a handle: the number of addresses. An unknown handle is success. Blocks first, then the handle. */
  async release(handleId: string): Promise<number> {
    const name = handleNameOf(handleId);
    let freed = 0;
    for (let round = 0; name !== undefined && round < ROUNDS; round++) {
      const handle = this.#handles.get(name) ?? await this.#ports.store.get('IPAMHandle', name);
      this.#handles.delete(name);
      if (handle === undefined) return freed;
      const counts = await all(Object.keys(handle.spec.block).map((cidr) => this.#writerFor(prefix(cidr)).release(handle.spec.handleID)));
      freed += counts.reduce((sum, n) => sum + n, 0);
      if (await this.#ports.store.remove('IPAMHandle', handle) !== 'conflict') return freed;
    }
    if (name === undefined) return 0;
    throw new OperationError('IPAM_CONTENTION', { handle: handleId, attempts: ROUNDS });
  }

  #writerFor(cidr: Prefix): BlockWriter {
    return this.#affinities.blocks.get(cidr) ?? new BlockWriter(this.#writerPorts, cidr);
  }

  /** Finds a block with room and keeps a place in it, claiming a block where that is allowed. */
  async #place(request: AllocateRequest, family: Family): Promise<Place | Refusal> {
    let taken: ReadonlySet<Prefix> | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const view = this.#ports.view();
      const isReserved = reservationOf(view.reserved);
      const who: PoolRequest = {
        family, node: this.#ports.node, nodeLabels: view.nodeLabels, namespaceLabels: request.namespaceLabels, pools: request.pools[family],
      };
      const own = [...this.#affinities.blocks].map(([cidr, writer]) => ({ cidr, room: writer?.room(isReserved) }));
      const step = nextStep({ ...view, request: who, own, taken, seed: hostSeed(this.#ports.node) });
      switch (step.type) {
        case 'assign': return promised(this.#affinities.blocks.get(step.cidr)!);
        case 'settle': await this.#affinities.settle(step.cidr); break;
        case 'survey': taken = await this.#affinities.survey(); break;
        case 'claim': await this.#affinities.claim(step.cidr); taken = undefined; break;
        case 'refuse': return refusalOf(who, step.rejections);
      }
    }
    throw new OperationError('IPAM_CONTENTION', { family, attempts: ROUNDS });
  }

  /** Takes the place; when others were faster, finds another one, and the handle is told before. */
  async #take(request: AllocateRequest, family: Family, first: Place, onChosen: (given: Given) => void): Promise<Given | Refusal> {
    const isReserved: IsReserved = reservationOf(this.#ports.view().reserved);
    let place = first;
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const block = place.writer.cidr;
        const address = await place.writer.assign(request, affinityOf(this.#ports.node), isReserved, (a) => { onChosen({ address: a, block }); });
        if (address !== 'full' && address !== 'lost') return { address, block };
        place[Symbol.dispose]();
        if (address === 'lost') this.#affinities.lose(block);
        const next = await this.#place(request, family);
        if (isRefusal(next)) return next;
        place = next;
        await this.#extendHandle(request.handle, [place.writer.cidr]);
      }
    } finally {
      place[Symbol.dispose]();
    }
    throw new OperationError('IPAM_CONTENTION', { family, attempts: ROUNDS });
  }

  /** A handle that exists already is what a crash left behind: its container never got further. */
  async #openHandle(handleId: string, blocks: readonly Prefix[]): Promise<void> {
    const name = handleNameOf(handleId);
    if (name === undefined) throw new OperationError('IPAM_HANDLE', { handle: handleId }, new Error('no API object can have this name'));
    const create = async (): Promise<boolean> => {
      const created = await this.#ports.store.create('IPAMHandle', name, newHandle(handleId, blocks.map(showPrefix)));
      if (created !== 'exists') this.#handles.set(name, created);
      return created !== 'exists';
    };
    if (await create()) return;
    const freed = await this.release(handleId);
    this.#ports.log.warn('ipam.handle-left-behind', { handle: handleId, freed });
    if (!await create()) await this.#extendHandle(handleId, blocks);
  }

  async #extendHandle(handleId: string, blocks: readonly Prefix[]): Promise<void> {
    const name = handleNameOf(handleId)!;
    for (let round = 0; round < ROUNDS; round++) {
      const handle = await this.#ports.store.get('IPAMHandle', name);
      const spec = handle === undefined ? newHandle(handleId, blocks.map(showPrefix)) : withBlocks(handle.spec, blocks.map(showPrefix));
      const written = handle === undefined
        ? await this.#ports.store.create('IPAMHandle', name, spec) : await this.#ports.store.update('IPAMHandle', { ...handle, spec });
      if (typeof written === 'string') continue;
      this.#handles.set(name, written);
      return;
    }
    throw new OperationError('IPAM_CONTENTION', { handle: handleId, attempts: ROUNDS });
  }
}

interface Refusal { readonly reason: string }
const isRefusal = (value: object): value is Refusal => 'reason' in value;
const isPlace = (value: Place | Refusal): value is Place => 'writer' in value;
const refusalOf = (request: PoolRequest, rejections: readonly Rejection[]): Refusal => ({ reason: explainRefusal(request, rejections) });

function promised(writer: BlockWriter): Place {
  const promise = writer.promise();
  return { writer, [Symbol.dispose]: () => { promise[Symbol.dispose](); } };
}

/** As Promise.all, but waits for all of them even when one fails: nothing goes on behind the caller's back. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(promises);
  const failed = outcomes.find((o) => o.status === 'rejected');
  if (failed) throw failed.reason instanceof Error ? failed.reason : new Error(messageOf(failed.reason));
  return outcomes.map((o) => (o as PromiseFulfilledResult<T>).value);
}

/** Segments that the kernel dropped for their key or TTL: it counts them, but does not say whose they were. */
import { tcpCounters } from '../sys/tcp.ts';
import type { LinkDemand } from './ports.ts';

const COUNTERS = ['TCPMD5NotFound', 'TCPMD5Failure', 'TCPMD5Unexpected', 'TCPMinTTLDrop'] as const;
type Counter = typeof COUNTERS[number];
/** A rise is worth telling for so long. */
const MEMORY_MS = 60_000;
/** Looking costs a file of /proc. */
const LOOK_MS = 250;

export class SegmentDrops {
  #counts: readonly number[] | undefined;
  #lookedAtMs = -Infinity;
  readonly #roseAtMs = new Map<Counter, number>();

  look(): void {
    const now = performance.now();
    if (now - this.#lookedAtMs < LOOK_MS) return;
    this.#lookedAtMs = now;
    const counts = tcpCounters(COUNTERS);
    COUNTERS.forEach((counter, i) => { if (counts[i]! > (this.#counts?.[i] ?? Infinity)) this.#roseAtMs.set(counter, now); });
    this.#counts = counts;
  }

  /** What the drops of late say about a neighbour that should be heard and is not. */
  suspicion(demand: LinkDemand | undefined): string | undefined {
    this.look();
    if (demand?.key === undefined) {
      return this.#rose('TCPMD5Unexpected') ? 'signed segments are dropped here: does the peer have a password that is missing here?' : undefined;
    }
    if (this.#rose('TCPMD5Failure')) return 'MD5 key mismatch? Segments signed with another key are dropped here';
    if (this.#rose('TCPMD5NotFound')) return 'MD5 key mismatch? Segments without a key are dropped here';
    return demand.hops !== undefined && this.#rose('TCPMinTTLDrop') ? `segments from more than ${demand.hops} hops away are dropped here` : undefined;
  }

  #rose(counter: Counter): boolean { return performance.now() - (this.#roseAtMs.get(counter) ?? -Infinity) < MEMORY_MS; }
}

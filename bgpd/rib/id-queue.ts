/** A queue of small integers in which each stands at most once: what changed and has not been looked at yet. */
export class IdQueue {
  #ids: Int32Array;
  #marks: Uint8Array;
  #head = 0;
  #size = 0;

  constructor(capacity = 64) {
    this.#ids = new Int32Array(capacity);
    this.#marks = new Uint8Array(capacity);
  }

  get size(): number { return this.#size; }

  has(id: number): boolean { return id < this.#marks.length && this.#marks[id] === 1; }

  /** Appends `id` unless it is waiting already. */
  add(id: number): void {
    if (id >= this.#marks.length) this.#growMarks(id);
    if (this.#marks[id] === 1) return;
    this.#marks[id] = 1;
    if (this.#size === this.#ids.length) this.#growIds();
    let at = this.#head + this.#size;
    if (at >= this.#ids.length) at -= this.#ids.length;
    this.#ids[at] = id;
    this.#size++;
  }

  /** Removes and returns the oldest `maximum` ids, in order. */
  take(maximum: number): Int32Array {
    const count = Math.min(maximum, this.#size);
    const taken = new Int32Array(count);
    const untilEnd = Math.min(count, this.#ids.length - this.#head);
    taken.set(this.#ids.subarray(this.#head, this.#head + untilEnd));
    taken.set(this.#ids.subarray(0, count - untilEnd), untilEnd);
    for (let i = 0; i < count; i++) this.#marks[taken[i]!] = 0;
    this.#head = (this.#head + count) % this.#ids.length;
    this.#size -= count;
    return taken;
  }

  clear(): void { this.take(this.#size); }

  #growMarks(id: number): void {
    const marks = new Uint8Array(Math.max(id + 1, this.#marks.length * 2));
    marks.set(this.#marks);
    this.#marks = marks;
  }

  #growIds(): void {
    const ids = new Int32Array(this.#ids.length * 2);
    ids.set(this.#ids.subarray(this.#head));
    ids.set(this.#ids.subarray(0, this.#head), this.#ids.length - this.#head);
    this.#ids = ids;
    this.#head = 0;
  }
}

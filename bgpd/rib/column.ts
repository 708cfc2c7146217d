/** A growing column of 32-bit integers, indexed by prefix id or route id: 0 is "nothing", and what is not there is 0. */
export class Int32Column {
  /** For hot loops. Valid until the next `ensure`. */
  values: Int32Array;

  constructor(capacity = 64) { this.values = new Int32Array(capacity); }

  /** Makes room for indexes below `limit`. */
  ensure(limit: number): void {
    if (limit <= this.values.length) return;
    const grown = new Int32Array(Math.max(limit, this.values.length * 2));
    grown.set(this.values);
    this.values = grown;
  }

  get(index: number): number { return index < this.values.length ? this.values[index]! : 0; }

  set(index: number, value: number): void {
    this.ensure(index + 1);
    this.values[index] = value;
  }
}

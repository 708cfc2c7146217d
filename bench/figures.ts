/** One measured figure beside a peer's: a line of the JSON file. */
export interface FigureLine {
  readonly test: string;
  readonly what: string;
  readonly n: number;
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: string;
  /** Ours over the peer's; for rates the peer's over ours: smaller is better. */
  readonly ratio: number | null;
  readonly must?: number;
}

/** Lengths of time for people. */

const UNITS = [['d', 86_400], ['h', 3_600], ['m', 60], ['s', 1]] as const;

/** `3d4h`, `5m10s`, `12s`: the two greatest units. */
export function showDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0s';
  const [unit, size] = UNITS[first]!;
  const [next, rest] = [UNITS[first + 1], seconds % size];
  const more = next === undefined ? 0 : Math.floor(rest / next[1]);
  return `${Math.floor(seconds / size)}${unit}${more === 0 ? '' : `${more}${next![0]}`}`;
}

/** Ages as kubectl prints them: `45s`, `12m`, `5h3m`, `3d4h`, `200d`. */

/** `<unknown>` for a time that is none; a time to come counts as now. */
export function ageSince(time: string | null | undefined, nowMs: number): string {
  const then = typeof time === 'string' ? Date.parse(time) : NaN;
  if (Number.isNaN(then)) return '<unknown>';
  return shortDuration(Math.max(0, Math.floor((nowMs - then) / 1000)));
}

/** Two units at most, fewer as the duration grows. */
export function shortDuration(seconds: number): string {
  const pair = (big: number, unit: string, small: number, smallUnit: string): string => (small === 0 ? `${big}${unit}` : `${big}${unit}${small}${smallUnit}`);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return days < 2920 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

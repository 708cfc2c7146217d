/** The two ways tables are printed: columns apart by blanks (`get`), and boxes (`node status`, `ipam show`). */

/** Every cell is padded to its column's width and three blanks; a blank line ends the table, as calicoctl prints it. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)) + 3);
  const line = (cells: readonly string[]): string => cells.map((c, i) => c.padEnd(Math.max(widths[i]!, 5))).join('');
  return `${[head, ...rows].map(line).join('\n')}\n\n`;
}

/** `+---+` rules around the header and at the end; `right` names the columns whose cells are right-aligned. */
export function boxTable(head: readonly string[], rows: readonly (readonly string[])[], right: readonly string[] = []): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)));
  const rule = `+${widths.map((w) => '-'.repeat(w + 2)).join('+')}+`;
  const headLine = `|${head.map((h, i) => ` ${h.padEnd(widths[i]!)} `).join('|')}|`;
  const line = (cells: readonly string[]): string => `|${cells.map((c, i) => {
    const padded = right.includes(head[i]!) ? c.padStart(widths[i]!) : c.padEnd(widths[i]!);
    return ` ${padded} `;
  }).join('|')}|`;
  return `${[rule, headLine, rule, ...rows.map(line), rule].join('\n')}\n`;
}

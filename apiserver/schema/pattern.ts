/** Go's regular expressions (RE2), in which schemas write their patterns, as JavaScript's. */

export interface Pattern { readonly source: string; readonly matches: (text: string) => boolean }

/** Throws SyntaxError on a pattern that is none. */
export function compilePattern(source: string): Pattern {
  const expression = new RegExp(javascriptSource(source));
  return { source, matches: (text) => expression.test(text) };
}

const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z', alpha: 'A-Za-z', digit: '0-9', lower: 'a-z', upper: 'A-Z', word: '0-9A-Za-z_', xdigit: '0-9A-Fa-f', space: '\\s', punct: '!-\\/:-@\\[-`{-~',
};

/**
 * Flags that hold from here to the end of the group, `(?i)`, become groups with flags, `(?i:…)`, anew in each alternative;
 * `\A` and `\z` become anchors, `(?P<name>` loses its P, `[:alpha:]` is spelled out.
 */
function javascriptSource(source: string): string {
  let result = '';
  /** For each open group: the flags set inside it, each with a group of its own to close. */
  const groups: string[][] = [[]];
  const flags = (): string[] => groups.at(-1)!;
  for (let i = 0; i < source.length;) {
    const rest = source.slice(i);
    const token = /^\(\?[imsU]+\)|^\(\?P<|^\\[Az]|^\\.|^\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|^./su.exec(rest)![0];
    const inline = /^\(\?([imsU]+)\)$/.exec(token)?.[1]?.replaceAll('U', '');
    if (inline !== undefined) {
      flags().push(inline);
      result += inline === '' ? '(?:' : `(?${inline}:`;
    } else if (token === '|') result += `${')'.repeat(flags().length)}|${flags().map((f) => (f === '' ? '(?:' : `(?${f}:`)).join('')}`;
    else if (token === ')') {
      const inside = groups.length > 1 ? groups.pop()! : [];
      result += ')'.repeat(inside.length + 1);
    } else if (token.startsWith('(')) {
      groups.push([]);
      result += token === '(?P<' ? '(?<' : token;
    } else result += token === '\\A' ? '^' : token === '\\z' ? '$' : token.startsWith('[') ? token.replace(/\[:(\w+):\]/g, (all, name: string) => CLASSES[name] ?? all) : token;
    i += token.length;
  }
  return result + ')'.repeat(flags().length);
}

/** Shell patterns as BIRD matches interface names by: `*` stands for any text, `?` for any one character. */

/** True for texts that the whole pattern describes. Linear in the text, whatever the pattern. */
export function globMatcher(pattern: string): (text: string) => boolean {
  return (text) => matches(pattern, text);
}

/** Goes back to the last `*` alone: what an earlier one took need not be tried again. */
function matches(pattern: string, text: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let i = 0; i < text.length;) {
    if (pattern[at] === '*') { star = at++; resume = i; }
    else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[i])) { at++; i++; }
    else if (star >= 0) { at = star + 1; i = ++resume; }
    else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

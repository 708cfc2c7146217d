/** Annotated hex: groups of hex digits at the left, words behind two or more blanks at the right. */

const LINE = /^((?:[0-9a-f]{2})+(?: (?:[0-9a-f]{2})+)*)(?: {2,}.*)?$/;

/** The bytes of annotated lines. Throws on a line that is neither hex nor empty. */
export function bytesFromHex(text: string): Uint8Array {
  const digits = text.split('\n').filter((line) => line.trim() !== '').map((line) => {
    const match = LINE.exec(line.trim());
    if (match === null) throw new Error(`not annotated hex: ${line}`);
    return match[1]!.replaceAll(' ', '');
  }).join('');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export const hexFromBytes = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

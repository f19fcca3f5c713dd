/**
 * Text written by strangers, made safe to look at.
 *
 * Characters that a person cannot see, or that move other characters about (controls, bidi controls, zero-width characters, tags,
 * unassigned and private ones), are named in the open: `U+202E`. Nothing is removed, so what is shown is what was signed.
 */

/** A stretch of text, and whether it is the name of a character rather than the character. */
export interface Piece {
  text: string;
  escaped: boolean;
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]/u;

function codePointName(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Splits `text` into what can be shown as it is and what has to be named. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let run = '';
  for (const char of text) {
    if (!UNSEEN.test(char)) {
      run += char;
      continue;
    }
    if (run !== '') found.push({ text: run, escaped: false });
    run = '';
    found.push({ text: codePointName(char), escaped: true });
  }
  if (run !== '') found.push({ text: run, escaped: false });
  return found;
}

/** The same as one string, for names that assistive technology reads and for places that hold text alone. */
export function plain(text: string): string {
  return pieces(text)
    .map((piece) => (piece.escaped ? `⟨${piece.text}⟩` : piece.text))
    .join('');
}

/** The digits in what was typed or pasted, whatever script they are in, as ASCII; at most `most`. */
export function digitsOf(text: string, most: number): string {
  let digits = '';
  for (const char of text.normalize('NFKC')) {
    if (!/\p{Nd}/u.test(char)) continue;
    let zero = char.codePointAt(0) ?? 0;
    const value = zero;
    // Unicode keeps the ten digits of a script in one run, so the distance to its first is the value.
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && value - zero < 9) zero -= 1;
    digits += String(value - zero);
  }
  return digits.slice(0, most);
}

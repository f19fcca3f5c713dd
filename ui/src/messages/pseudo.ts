/** A language that nobody speaks: longer than English and full of accents, so that words outside the catalogue stand out. */
const ACCENTS: Record<string, string> = { A: 'À', E: 'É', I: 'Î', O: 'Õ', U: 'Ü', a: 'à', e: 'é', i: 'î', o: 'õ', u: 'ü' };

/** The words as that language writes them. */
export function pseudo(words: string): string {
  return words.replace(/[AEIOUaeiou]/g, (vowel) => (ACCENTS[vowel] ?? vowel).repeat(/[aeiou]/.test(vowel) ? 2 : 1));
}

/** What assistive technology is told without being asked. One sentence at a time, politely. */
class Announcer {
  words = $state('');

  /** Says `words`; the same words again are said again. */
  say(words: string): void {
    this.words = this.words === words ? `${words}\u00a0` : words;
  }
}

export const announcer = new Announcer();

/** What assistive technology is told without being asked. One sentence at a time, politely. */
import { untrack } from 'svelte';

class Announcer {
  words = $state('');

  /** Says `words`; the same words again are said again. */
  say(words: string): void {
    // Who says something does not listen: an effect that speaks must not run again because of its own words.
    const before = untrack(() => this.words);
    this.words = before === words ? `${words}\u00a0` : words;
  }
}

export const announcer = new Announcer();

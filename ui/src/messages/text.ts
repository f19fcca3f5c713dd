/** The words of the window. Views hold no words of their own. */
import { plain } from '../format/plain';
import en from './en.json';

/** The name of a message. */
export type MessageKey = keyof typeof en;

/** What a message is filled with. Text may come from strangers; numbers also choose the plural. */
export type Fill = Record<string, string | number>;

/** A stretch of a message: our own words, or a value put into them. */
export interface Part {
  text: string;
  value: boolean;
}

const LANGUAGE = 'en';
const plurals = new Intl.PluralRules(LANGUAGE);
let rewrite: (words: string) => string = (words) => words;

/** Passes all words through `change` first: how a pseudo-language finds words that are not in the catalogue. */
export function rewriteWords(change: (words: string) => string): void {
  rewrite = change;
}

/** The language and direction of the words, for the root element. */
export const language = { lang: LANGUAGE, dir: 'ltr' } as const;

function pattern(key: MessageKey, fill: Fill): string {
  const message: string | Record<string, string> = en[key];
  if (typeof message === 'string') return message;
  const form = plurals.select(Number(fill['count'] ?? 0));
  return message[form] ?? message['other'] ?? key;
}

/** The message in parts, so that values can be set apart from our own words. */
export function parts(key: MessageKey, fill: Fill = {}): Part[] {
  return pattern(key, fill)
    .split(/(\{[a-z_]+\})/)
    .filter((text) => text !== '')
    .map((text) => {
      const name = /^\{([a-z_]+)\}$/.exec(text)?.[1];
      if (name === undefined) return { text: rewrite(text), value: false };
      return { text: String(fill[name] ?? ''), value: true };
    });
}

/** The message as one string; values from strangers have their invisible characters named. */
export function t(key: MessageKey, fill: Fill = {}): string {
  return parts(key, fill)
    .map((part) => (part.value ? plain(part.text) : part.text))
    .join('');
}

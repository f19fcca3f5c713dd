import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import en from './en.json';
import { parts, t } from './text';

const SOURCE = join(import.meta.dirname, '..');
const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(svelte|ts)$/.test(name) && !name.endsWith('.test.ts'))
  .map((name) => ({ name, text: readFileSync(join(SOURCE, name), 'utf8') }));

/** S-085 */
it('views hold no words of their own', () => {
  for (const { name, text } of sources.filter((source) => source.name.endsWith('.svelte'))) {
    const markup = text
      .replace(/<script[\s\S]*?<\/script>/g, '')
      .replace(/<style[\s\S]*?<\/style>/g, '')
      .replace(/<!--[\s\S]*?-->/g, '')
      .replace(/\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g, '')
      .replace(/<[^>]*>/g, '');
    expect(markup.match(/[A-Za-z]{2,}/g) ?? [], `S-085: words in ${name}`).toEqual([]);
  }
});

it('every message is used', () => {
  const all = sources.map(({ text }) => text).join('\n');
  const families = [...all.matchAll(/`([a-z]+\.(?:[a-z]+_)?)\$\{/g)].map(([, family]) => family ?? '');
  for (const key of Object.keys(en)) {
    const used = [`'${key}'`, `"${key}"`].some((literal) => all.includes(literal)) || families.some((family) => key.startsWith(family));
    expect(used, `${key} is used`).toBe(true);
  }
});

it('chooses the plural and keeps values apart from our words', () => {
  expect(t('nav.waiting', { count: 1 })).toBe('1 request waiting');
  expect(t('nav.waiting', { count: 3 })).toBe('3 requests waiting');
  expect(parts('detail.message_from', { client: '{client}' })).toEqual([
    { text: 'Message from ', value: false },
    { text: '{client}', value: true },
  ]);
});

/** S-017 */
it('names invisible characters in values', () => {
  expect(t('inbox.new', { client: 'a\u202eb' }), 'S-017').toBe('New request from a⟨U+202E⟩b');
});

/** What the app ships: no in-memory app, nobody's address, nothing inline. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const BUILT = join(import.meta.dirname, '../dist');
const files = readdirSync(BUILT, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(html|js|css)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(BUILT, name), 'utf8') }));
const all = files.map(({ text }) => text).join('\n');

/** S-046 */
it('the build for the app holds nothing of the in-memory app', () => {
  for (const trace of ['memoryHost', 'request-hostile', 'Nordbank', 'Anna']) expect(all.includes(trace), `S-046: ${trace}`).toBe(false);
  expect(all.includes('__TAURI_INTERNALS__'), 'it talks to the app').toBe(true);
});

/** S-074 */
it('nothing is inline and nothing comes from elsewhere', () => {
  const page = files.find(({ name }) => name === 'index.html')?.text ?? '';
  expect(page, 'S-074').not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=/);
  const addresses = [...all.matchAll(/https?:\/\/[a-z0-9.-]+/g)].map(([address]) => address);
  // Names of vocabularies, and where Svelte explains its errors: nothing is loaded from there.
  const known = new Set(['http://www.w3.org', 'https://svelte.dev']);
  expect(addresses.filter((address) => !known.has(address)), 'S-074').toEqual([]);
  expect(all, 'S-074').not.toMatch(/\beval\(|new Function\(/);
});

import { describe, expect, it } from 'vitest';
import { t } from '../messages/text';
import type { DetailRow } from '../protocol/DetailRow';
import { amount } from './amounts';
import { reported } from './context';
import { nameOf, rows, sums } from './details';
import { digitsOf, pieces, plain } from './plain';
import { ago, dayName, locale, stopwatch } from './times';

describe('text of strangers', () => {
  /** S-017 */
  it('names every character that cannot be seen, and removes none', () => {
    const unseen = [0x00, 0x07, 0x0a, 0x1b, 0x7f, 0x85, 0xad, 0x034f, 0x061c, 0x115f, 0x180e, 0x200b, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0x2800, 0x3164, 0xfe0f, 0xfeff, 0xfff9, 0xe000, 0xe0041];
    for (const code of unseen) {
      const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
      expect(plain(`a${String.fromCodePoint(code)}b`), `S-017: ${name} is shown by its name`).toBe(`a⟨${name}⟩b`);
    }
    expect(plain('\ud800'), 'S-017: half a character is shown by its name').toBe('⟨U+D800⟩');
  });

  it('leaves what can be seen as it is', () => {
    for (const text of ['Zahlung über 42,00 €', '日本語', 'مرحبا', 'naïve e\u0301', '😀', '<b>&amp;</b>']) {
      expect(pieces(text)).toEqual([{ text, escaped: false }]);
    }
  });

  it('takes digits of any script, and nothing else', () => {
    expect(digitsOf(' 4 7-1\u200b١２৩x', 8)).toBe('471123');
    expect(digitsOf('1234567890', 8)).toBe('12345678');
  });
});

describe('amounts', () => {
  /** S-019 */
  it('writes the ISO code, the digits of the language, and the value as it was sent', () => {
    const say = (language: string): string => (amount('1234567.5', 'EUR', language).shown ?? '').replace(/[\u00a0\u202f]/g, ' ');
    expect(say('en'), 'S-019').toBe('EUR 1,234,567.50');
    expect(say('de'), 'S-019').toBe('1.234.567,50 EUR');
    expect(say('ja'), 'S-019').toBe('EUR 1,234,567.50');
    expect(say('ar-EG'), 'S-019').toContain('١٬٢٣٤٬٥٦٧٫٥٠');
    expect(amount('1234567.5', 'EUR', 'de').raw, 'S-019').toBe('1234567.5 EUR');
  });

  it('rounds nothing away, however long the value', () => {
    expect(amount('12345678901234567890.123456', 'JPY', 'en').shown?.replace(/\s/g, ' ')).toBe('JPY 12,345,678,901,234,567,890.123456');
  });

  it('leaves alone what is no plain decimal or no currency', () => {
    expect(amount('1e9', 'EUR', 'en')).toEqual({ raw: '1e9 EUR' });
    expect(amount('10', 'EUR\u202e', 'en')).toEqual({ raw: '10 EUR\u202e' });
  });
});

describe('authorization details', () => {
  const payee: DetailRow = { path: '/creditorName', depth: 0, key: 'creditorName', value: { kind: 'text', text: 'Blue' } };
  const sum: DetailRow = { path: '/instructedAmount', depth: 0, key: 'instructedAmount', value: { kind: 'sum', amount: '12.10', currency: 'EUR' } };

  /** B-09, S-016 */
  it('calls a member as the operator does, else as we do, else by its name', () => {
    expect(nameOf({ ...payee, label: 'Beneficiary' }, t), 'B-09').toBe('Beneficiary');
    expect(nameOf(payee, t)).toBe('To');
    expect(nameOf({ ...payee, path: '/odd/creditorName' }, t), 'S-016').toBe('creditorName');
    expect(nameOf({ ...payee, path: '/toString' }, t)).toBe('creditorName');
  });

  /** S-019 */
  it('sums up what stands first, as it was sent', () => {
    expect(sums(undefined)).toEqual([]);
    const fee: DetailRow = { ...sum, path: '/fee' };
    expect(sums([{ first: [payee, sum], rest: [fee] }, { first: [], rest: [sum] }]), 'S-019').toEqual([sum.value]);
  });
});

describe('members of a context', () => {
  /** S-016 */
  it('are laid out whole', () => {
    const value = { type: 'odd', deep: { a: [1, { b: false }], empty: {}, none: null }, 'hidden\u200b': 'x' };
    const shown = rows(value).map(({ key, depth, value: at }) => `${String(depth)} ${key ?? ''}=${'text' in at ? at.text : 'count' in at ? String(at.count) : ''}`);
    expect(shown, 'S-016').toEqual(['0 type=odd', '0 deep=3', '1 a=2', '2 1=1', '2 2=1', '3 b=false', '1 empty=0', '1 none=null', '0 hidden\u200b=x']);
  });

  it('are not brought down by depth', () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 5000; level += 1) deep = [deep];
    expect(rows(deep)).toHaveLength(5000);
  });

  it('mark numbers that may have been rounded when they were read', () => {
    const marked = (value: unknown): boolean => rows(value).some(({ inexact }) => inexact === true);
    expect(marked([{ a: 42, b: 0.1, c: -1e-7, d: 9_007_199_254_740_991 - 9e15 }])).toBe(false);
    expect(marked(JSON.parse('{"a":{"b":12345678901234567890}}'))).toBe(true);
    expect(marked(0.12345678901234568)).toBe(true);
  });

  it('are shown to be empty when they are', () => {
    expect(rows({})).toEqual([{ path: '', depth: 0, value: { kind: 'members', count: 0 } }]);
    expect(rows(null)).toEqual([{ path: '', depth: 0, value: { kind: 'word', text: 'null' } }]);
  });
});

describe('context', () => {
  /** S-021 */
  it('says of each fact whether it was reported, and loses nothing', () => {
    expect(reported(undefined).facts.map(({ value }) => value), 'S-021').toEqual([undefined, undefined, undefined]);
    const { facts, rest } = reported({ reported: { ip: '203.0.113.7', user_agent: 'Firefox', order: 7 } });
    expect(facts).toEqual([{ name: 'device', value: 'Firefox' }, { name: 'location', value: undefined }, { name: 'ip', value: '203.0.113.7' }]);
    expect(rest).toEqual({ order: 7 });
    expect(reported({ ip: 'outer', reported: { ip: 'inner' } }).rest).toEqual({ reported: { ip: 'inner' } });
  });
});

describe('times', () => {
  it('passes over languages that are none', () => {
    expect(locale(['C', 'x_y', 'de-AT', 'en'])).toBe('de-AT');
    expect(locale(['c'])).toBe('en');
    expect(locale([])).toBe('en');
  });

  it('names today and yesterday, and writes other days out', () => {
    const now = new Date(2026, 5, 15, 12).getTime();
    expect(dayName(now, now, 'en')).toBe('Today');
    expect(dayName(now - 86_400_000, now, 'en')).toBe('Yesterday');
    expect(dayName(now - 5 * 86_400_000, now, 'en')).toBe('Wednesday, June 10, 2026');
    expect(ago(now - 3 * 3_600_000, now, 'en')).toBe('3 hours ago');
    expect(stopwatch(65)).toBe('1:05');
  });
});

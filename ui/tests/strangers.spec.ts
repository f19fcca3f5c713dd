/** Text of strangers in every place where it is shown: it stays text, and nothing in it is hidden. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemoryHost } from '../src/host/memory';
import type { DetailRow } from '../src/protocol/DetailRow';
import { launch, serve, show, watched } from './window';

const BUILT = join(import.meta.dirname, '../dist-browser');

/** Each of these has tried to be more than text somewhere. */
const STRINGS = [
  '<script>globalThis.broken = 1</script>',
  '<img src=x onerror="globalThis.broken = 1">',
  '<svg onload=globalThis.broken=1>',
  '"><iframe srcdoc="<script>parent.broken=1</script>">',
  "' onmouseover='globalThis.broken=1",
  '<a href="javascript:globalThis.broken=1">click</a>',
  '</textarea></title></style><h1>big</h1>',
  '<style>*{display:none}</style>',
  '<meta http-equiv=refresh content="0;url=http://192.0.2.1/">',
  '<base href="http://192.0.2.1/">',
  '<form action=http://192.0.2.1><input name=pin></form>',
  '<object data="data:text/html,x"></object>',
  '<math><mtext></mtext><mglyph><style></math><img src onerror=globalThis.broken=1>',
  '{{constructor.constructor("globalThis.broken=1")()}}',
  '${globalThis.broken=1}',
  '{@html "<b>x</b>"}',
  '{client} {count} {device}',
  '[a link](http://192.0.2.1/) **bold** `code`',
  'http://192.0.2.1/?a=b&c=d',
  'data:text/html,<script>globalThis.broken=1</script>',
  '&lt;b&gt; &amp; &#x202e;',
  '<!-- hidden --> shown',
  '<![CDATA[x]]>',
  '\\u003cb\\u003e',
  '%3Cscript%3E',
  'Pay \u202e00.01 RUE\u202c now',
  'Pay \u2066EUR\u2069 \u206710\u2069',
  'a\u200bb\u200cc\u200dd\u2060e\ufefff',
  'line\none\r\ttwo\u2028three\u2029four',
  'nul\u0000 bell\u0007 escape\u001b[31m',
  'tag\u{e0041}\u{e0042} soft\u00adhyphen',
  'h\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309 zalgo',
  'שלום EUR 100 ‏עוד',
  '   padded' + ' '.repeat(200) + 'far',
  'x'.repeat(10_000),
  '\u{1f469}\u200d\u{1f4bb} \u2764\ufe0f',
  '\ud83d half',
];

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;

/** What the window has to show for `text`. */
function escaped(text: string): string {
  return [...text].map((char) => (UNSEEN.test(char) ? `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}` : char)).join('');
}

let browser: Browser;
let page: Page;
let complaints: string[];
let origin: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ origin, stop } = await serve(BUILT));
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  ({ page, complaints } = await watched(context));
});

afterAll(async () => {
  await browser.close();
  await stop();
});

/** Puts `text` into every field of strangers that the app knows. */
async function fill(text: string): Promise<void> {
  await page.evaluate((stranger) => {
    const { memoryHost } = globalThis as unknown as { memoryHost: MemoryHost };
    const { world } = memoryHost;
    const client = { id: stranger, name: stranger, uri: stranger };
    const now = Date.now();
    const text = (key: string): DetailRow => ({ path: `/${key}`, depth: 0, key, value: { kind: 'text', text: stranger } });
    const sum: DetailRow = { path: '/sum', depth: 0, key: 'sum', label: stranger, value: { kind: 'sum', amount: stranger, currency: stranger } };
    world.inbox = {
      loaded: true,
      requests: [
        {
          account_id: 'anna',
          handle: 'h-1',
          state: { kind: 'pending' },
          content: {
            client,
            first_time: true,
            scopes: [{ name: 'x', text: stranger }],
            details: [
              { first: [], rest: [text('type'), { ...text(`k${stranger}`), label: stranger }] },
              { title: stranger, first: [sum, { ...text('a'), label: stranger }, { ...text('b'), label: stranger }], rest: [sum] },
            ],
            context: { reported: { device: stranger, location: stranger, ip: stranger, more: stranger } },
            matching: { mode: 'show', message: stranger },
            needs_unlock: false,
            created_at: now,
            expires_at: now + 600_000,
          },
        },
      ],
    };
    const settled = { state: 'denied', reason: 'not_me', settled_at: now, decided_by: { device_id: 'd', name: stranger } } as const;
    world.history = [{ handle: 'h-100', settled, client, scopes: [{ name: 'x', text: stranger }], message: stranger, created_at: now, receipt: stranger, receipt_verified: true }];
    world.devices = [{ device_id: 'd', name: stranger, app_version: stranger, push: 'stream', created_at: now, last_seen_at: now, current: false }];
    world.status = { ...world.status, accounts: world.status.accounts.map((account) => ({ ...account, name: stranger, issuer: stranger, backend: stranger, device_name: stranger })) };
    memoryHost.tell('status', world.status);
    memoryHost.tell('inbox', world.inbox);
  }, text);
}

/** Where strangers' text is shown, and how often at least. */
const PLACES = [
  ['#/pending', '[data-testid=request-card]', 2],
  ['#/request/anna/h-1', '[data-testid=deny]', 15],
  ['#/history', '[data-testid=history-row]', 3],
  ['#/record/anna/h-100', '[data-testid=receipt-save]', 5],
  ['#/devices', '[data-testid=device-row]', 3],
  ['#/settings', '[data-testid=sign-out]', 4],
] as const;

describe.each(STRINGS.map((text) => [JSON.stringify(text.slice(0, 60)), text] as const))('%s', (_, text) => {
  /** S-017, S-018 */
  it('stays text wherever it is shown, with nothing in it hidden', async () => {
    complaints.length = 0;
    await show(page, origin, 'inbox-empty');
    await page.waitForSelector('[data-testid=inbox]');
    const before = await page.evaluate(() => document.scripts.length);
    await fill(text);
    const wanted = escaped(text);
    for (const [address, sign, least] of PLACES) {
      await page.evaluate((fragment) => {
        location.hash = fragment;
      }, address);
      await page.waitForSelector(sign);
      await page.waitForTimeout(30);
      const found = await page.evaluate(() => ({
        shown: [...document.querySelectorAll('bdi.verbatim')].map((element) => element.textContent),
        raw: document.querySelector('#app')?.textContent ?? '',
        names: [...document.querySelectorAll('[aria-label], option, title')].map((element) => element.getAttribute('aria-label') ?? element.textContent),
        odd: document.querySelectorAll('#app :is(script, img, iframe, object, style, meta, base, form[action], math, b, h1 h1, [onerror], [onload], a[href^="javascript"], a[href^="http"])').length,
        broken: 'broken' in globalThis,
        scripts: document.scripts.length,
        wide: Math.max(...[document.documentElement, ...document.querySelectorAll<HTMLElement>('main, .scroller')].map((box) => box.scrollWidth - box.clientWidth)),
        // The live region repeats a sentence by adding a space nobody hears.
        title: document.title,
      }));
      expect(found.shown.filter((shown) => shown === wanted || shown === `k${wanted}`).length, `S-017: shown whole at ${address}`).toBeGreaterThanOrEqual(least);
      for (const said of [found.raw, found.title, ...found.names]) expect(UNSEEN.test(said.replaceAll('\n', '')), `S-017: nothing unseen at ${address}`).toBe(false);
      expect(found.odd, `S-017: no markup at ${address}`).toBe(0);
      expect(found.broken, `S-017: no script ran at ${address}`).toBe(false);
      expect(found.scripts).toBe(before);
      expect(found.wide, `S-018: the layout holds at ${address}`).toBeLessThanOrEqual(0);
    }
    await page.evaluate(() => {
      location.hash = '#/request/anna/h-1';
    });
    await page.waitForSelector('[data-testid=deny]');
    expect(await page.locator('[data-testid=deny]').isVisible(), 'S-018: the buttons stay').toBe(true);
    const box = await page.locator('[data-testid=approve]').boundingBox();
    expect(box !== null && box.y + box.height <= 844, 'S-018: both buttons are in the window').toBe(true);
    expect(complaints, 'S-074: nothing was loaded, nothing was refused').toEqual([]);
  });
});

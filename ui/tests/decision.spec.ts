/** Deciding with real keys and real clicks: what approves, what never does, and how near Deny is. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { MemoryHost } from '../src/host/memory';
import { launch, serve, show, watched } from './window';

const BUILT = join(import.meta.dirname, '../dist-browser');
const byId = (name: string): string => `[data-testid=${name}]`;

let browser: Browser;
let page: Page;
let complaints: string[];
let origin: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ origin, stop } = await serve(BUILT));
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await stop();
});

beforeEach(async () => {
  const context = await browser.newContext({ viewport: { width: 1024, height: 768 } });
  ({ page, complaints } = await watched(context));
});

afterEach(async () => {
  expect(complaints, 'the window complained of nothing').toEqual([]);
  await page.context().close();
});

/** The inputs with which the window called `command`. */
function calls(command: string): Promise<unknown[]> {
  return page.evaluate(
    (name) => (globalThis as unknown as { memoryHost: MemoryHost }).memoryHost.calls.filter((call) => call.command === name).map(({ input }) => input),
    command,
  );
}

async function mayApprove(): Promise<void> {
  await page.waitForSelector(`${byId('approve')}:enabled`);
}

/** S-032 */
it('approves by one real click, after a second in view, and not before', async () => {
  // The window's own clock, in the window: between it and this program lies whatever else the machine does.
  await page.addInitScript(() => {
    const times: { shown?: number; enabled?: number } = {};
    Object.assign(globalThis, { times });
    new MutationObserver(() => {
      const approve = document.querySelector<HTMLButtonElement>('[data-testid=approve]');
      if (approve !== null) times.shown ??= performance.now();
      if (approve?.disabled === false) times.enabled ??= performance.now();
    }).observe(document, { childList: true, subtree: true, attributes: true });
  });
  await show(page, origin, 'request-show');
  await mayApprove();
  const waited = await page.evaluate(() => {
    const { times } = globalThis as unknown as { times: { shown: number; enabled: number } };
    return times.enabled - times.shown;
  });
  expect(waited, 'S-032: a second in view').toBeGreaterThanOrEqual(900);
  await page.click(byId('approve'));
  await page.waitForSelector('[data-state=approved]');
  expect(await calls('approve')).toEqual([{ account_id: 'anna', handle: 'h-1' }]);
  expect(await calls('present')).toHaveLength(1);
});

/** S-072 */
it('Enter never approves, wherever the focus is', async () => {
  await show(page, origin, 'request-unlock');
  await page.fill(byId('match-input'), '471');
  await page.fill(byId('pin-input'), '123456');
  await mayApprove();
  for (const place of ['match-input', 'pin-input', 'approve']) {
    await page.focus(byId(place));
    await page.keyboard.press('Enter');
  }
  await page.locator('h1').focus();
  await page.keyboard.press('Enter');
  expect(await calls('approve'), 'S-072').toEqual([]);
  await page.waitForSelector('[data-state=needs_unlock]');
});

/** S-084: two steps, move there and press the space bar. */
it('a keyboard alone can approve', async () => {
  await show(page, origin, 'request-unlock');
  await page.focus(byId('match-input'));
  await page.keyboard.type('471');
  await page.keyboard.press('Tab');
  await page.keyboard.type('123456');
  await mayApprove();
  const visited: string[] = [];
  for (let step = 0; step < 4 && visited.at(-1) !== 'approve'; step += 1) {
    await page.keyboard.press('Tab');
    visited.push(await page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? ''));
  }
  expect(visited, 'S-079: Deny comes first').toEqual(['deny', 'deny-menu', 'approve']);
  await page.keyboard.press('Space');
  await page.waitForSelector('[data-state=approved]');
  expect(await calls('approve'), 'S-084').toEqual([{ account_id: 'anna', handle: 'h-1', matched: '471', pin: '123456' }]);
});

/** S-072 */
it('a click that a script makes does not approve', async () => {
  await show(page, origin, 'request-show');
  await mayApprove();
  await page.evaluate(() => {
    const approve = document.querySelector<HTMLButtonElement>('[data-testid=approve]');
    approve?.click();
    approve?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    approve?.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true }));
    approve?.dispatchEvent(new KeyboardEvent('keyup', { key: ' ', bubbles: true }));
  });
  await page.waitForTimeout(200);
  expect(await calls('approve'), 'S-072').toEqual([]);
});

/** S-072 */
it('losing the focus starts the second anew', async () => {
  await show(page, origin, 'request-show');
  await mayApprove();
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  await page.waitForSelector(`${byId('approve')}:disabled`);
  await page.evaluate(() => window.dispatchEvent(new Event('focus')));
  expect(await page.isDisabled(byId('approve')), 'S-072').toBe(true);
  await mayApprove();
  expect(await calls('present')).toHaveLength(2);
  expect(await calls('conceal')).toHaveLength(1);
});

/** S-016 */
it('approving waits until every detail was in view', async () => {
  await show(page, origin, 'request-unknown-details');
  await page.waitForSelector(byId('approve'));
  await page.waitForTimeout(1500);
  expect(await page.isDisabled(byId('approve')), 'S-016: not without scrolling').toBe(true);
  const scroller = page.locator('.scroller');
  await scroller.evaluate((box) => {
    box.scrollTop = box.scrollHeight;
  });
  await page.waitForTimeout(300);
  expect(await page.isDisabled(byId('approve')), 'S-016: jumping over the middle is not seeing it').toBe(true);
  for (let top = 0; top < 6000; top += 300) {
    await scroller.evaluate((box, at) => {
      box.scrollTop = at;
    }, top);
    await page.waitForTimeout(30);
  }
  await mayApprove();
});

it('details that are empty keep nobody waiting', async () => {
  await show(page, origin, 'request-empty-details');
  await mayApprove();
});

/** S-016 */
it('numbers longer than any machine reads are shown digit by digit, and can be approved', async () => {
  await show(page, origin, 'request-long-numbers');
  const shown = await page.textContent(byId('detail'));
  for (const digits of ['12345678901234567890', '12.10', '0.10 EUR']) expect(shown, 'S-016, R-268').toContain(digits);
  await mayApprove();
});

/** S-079 */
it('Deny is one key away, at once, without PIN', async () => {
  for (const scene of ['request-unlock', 'request-unknown-details', 'request-wrong-number']) {
    await show(page, origin, scene);
    await page.waitForSelector(byId('deny'));
    await page.keyboard.press('d');
    await page.waitForSelector('[data-state=denied]');
    expect(await calls('deny'), `S-079: ${scene}`).toEqual([{ account_id: 'anna', handle: 'h-1', reason: 'changed_mind' }]);
  }
});

/** S-079, R-252 */
it('Deny is at least as prominent as Approve, on a desk and on a phone', async () => {
  for (const viewport of [{ width: 1024, height: 768 }, { width: 390, height: 844 }]) {
    await page.setViewportSize(viewport);
    await show(page, origin, 'request-show');
    await mayApprove();
    const [deny, approve] = await Promise.all(
      ['deny', 'approve'].map((name) =>
        page.locator(byId(name)).evaluate((button) => {
          const { width, height, top, left } = button.getBoundingClientRect();
          const { fontSize, fontWeight } = getComputedStyle(button);
          return { width, height, top, left, fontSize, fontWeight };
        }),
      ),
    );
    if (deny === undefined || approve === undefined) throw new Error('both buttons are there');
    expect(deny.width, 'S-079: as wide').toBeGreaterThanOrEqual(approve.width - 1);
    expect(deny.height, 'S-079: as high').toBeGreaterThanOrEqual(approve.height);
    expect(deny.top, 'S-079: no further down').toBeLessThanOrEqual(approve.top);
    expect([deny.fontSize, deny.fontWeight], 'S-079: as heavy').toEqual([approve.fontSize, approve.fontWeight]);
  }
});

it('the reasons open beside Deny, and Escape closes them without leaving', async () => {
  await show(page, origin, 'request-show');
  await page.click(byId('deny-menu'));
  await page.keyboard.press('Escape');
  expect(await page.isVisible(byId('deny-not-me'))).toBe(false);
  await page.waitForSelector('[data-state=ready]');
  await page.click(byId('deny-menu'));
  await page.click(byId('deny-too-many'));
  await page.waitForSelector('[data-state=denied]');
  expect(await calls('deny')).toEqual([{ account_id: 'anna', handle: 'h-1', reason: 'too_many' }]);
});

/** S-081 */
it('the number can be pasted, with whatever stands around it', async () => {
  await show(page, origin, 'request-type');
  await page.focus(byId('match-input'));
  await page.keyboard.insertText(' 4 7-1 ');
  expect(await page.inputValue(byId('match-input')), 'S-081').toBe('471');
  await mayApprove();
  await page.click(byId('approve'));
  await page.waitForSelector('[data-state=approved]');
});

it('a wrong number or PIN leads back to its field', async () => {
  await show(page, origin, 'request-unlock');
  for (const [number, pin, field] of [['471', '000000', 'pin-input'], ['111', '123456', 'match-input']] as const) {
    await page.fill(byId('match-input'), number);
    await page.fill(byId('pin-input'), pin);
    await mayApprove();
    await page.click(byId('approve'));
    await page.waitForSelector(`${byId(field)}[aria-invalid]`);
    await page.waitForFunction((name) => document.activeElement?.getAttribute('data-testid') === name, field);
    expect(await page.inputValue(byId('pin-input')), 'the PIN is not kept').toBe('');
  }
});

it('two wrong numbers end the request', async () => {
  await show(page, origin, 'request-type');
  for (const [number, state] of [['111', 'wrong_number'], ['112', 'mismatch']] as const) {
    await page.fill(byId('match-input'), number);
    await mayApprove();
    await page.click(byId('approve'));
    await page.waitForSelector(`[data-state=${state}]`);
  }
});

it('a decision that broke off is confirmed again by hand', async () => {
  await show(page, origin, 'request-offline');
  await mayApprove();
  await page.click(byId('approve'));
  await page.waitForSelector('[data-state=offline]');
  await page.waitForTimeout(1200);
  expect(await calls('approve')).toHaveLength(1);
  await page.click(byId('look-again'));
  await page.waitForSelector('[data-state=ready]');
  expect(await page.isDisabled(byId('approve'))).toBe(true);
});

/** S-083 */
it('the last thirty seconds are said, and the end is told while looking', async () => {
  await page.clock.install();
  await show(page, origin, 'request-show');
  await page.waitForSelector('[data-state=ready]');
  await page.clock.runFor(91_000);
  await page.getByText('Less than 30 seconds left').waitFor();
  expect(await page.textContent(byId('announcer')), 'S-083').toBe('30 seconds left to answer ACME Shop');
  await page.clock.runFor(35_000);
  await page.waitForSelector('[data-state=expired]');
  expect(await page.isVisible(byId('approve'))).toBe(false);
});

/** S-032: nothing outside the open request decides. */
it('the list only opens: j and k move, Enter opens, d does nothing there', async () => {
  await show(page, origin, 'inbox');
  await page.waitForSelector(byId('request-card'));
  await page.keyboard.press('d');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('j');
  expect(await page.evaluate(() => document.activeElement?.textContent), 'the second card').toContain('Nordbank');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-state=needs_unlock]');
  await page.keyboard.press('Escape');
  await page.waitForSelector(byId('inbox'));
  expect([...(await calls('approve')), ...(await calls('deny'))], 'S-032').toEqual([]);
});

/** Every state of the window, light and dark, on a desk and on a phone: its words, its layout, its accessibility, its silence. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, serve, show, watched } from './window';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const BUILT = join(import.meta.dirname, '../dist-browser');

type Step = (page: Page) => Promise<unknown>;
const byId = (name: string): string => `[data-testid=${name}]`;

const pair: Step = async (page) => {
  await page.fill(byId('pair-backend'), 'ad.example.org');
  await page.fill(byId('pair-pin'), '123456');
  await page.fill(byId('pair-pin-repeat'), '123456');
  await page.click(byId('pair-submit'));
};
const state = (kind: string): Step => (page) => page.waitForSelector(`[data-state=${kind}]`);
const step = (name: string): Step => (page) => page.waitForSelector(`[data-step=${name}]`);
const approve: Step = (page) => page.click(byId('approve'));

/** Scene, the words by which it is known, and what has to be done first. */
const SCENES: [scene: string, words: string[], steps?: Step[]][] = [
  ['first-run', ['Pair this device', 'Your keys are kept in this computer’s keyring.', 'Protection: software']],
  ['first-run-no-key-store', ['No key store was found', 'Use an encrypted file']],
  ['first-run-no-key-store', ['Create the file'], [(page) => page.click(byId('keystore-choose'))]],
  ['locked-file', ['Your keys are locked', 'Enter the passphrase']],
  ['locked-keyring', ['Your keys are locked', 'Unlock the keyring']],
  ['broken', ['Countersign cannot start']],
  ['pair-resolving', ['Finding ad.example.org'], [pair]],
  ['pair-waiting', ['Waiting for your browser', 'https://ad.example.org', 'Open the browser again', 'Copy link', 'Cancel'], [pair, (page) => page.click(byId('pairing-copy'))]],
  ['pair-choose', ['Where do you sign in?', 'ad.example.org works with several places', 'Acme', 'sso.acme.example/realms/acme', 'Acme Sports Club', 'id.acne-club.example', 'Cancel'], [pair, step('choose_provider')]],
  ['pair-choose-strange', ['xn--cme-5cd.example', 'U+200B', 'id.no-title.example/a-very-long-path'], [pair, step('choose_provider')]],
  ['pair-choose', ['This device is paired'], [pair, (page) => page.locator(byId('provider')).nth(1).click(), step('done')]],
  ['pair-verifying', ['Checking who signed in'], [pair, (page) => page.waitForSelector('[data-step=verifying]')]],
  ['pair-registering', ['Registering this device'], [pair, (page) => page.waitForSelector('[data-step=registering]')]],
  ['pair-failed', ['This device was not paired', 'There is no Countersign at this address.'], [pair]],
  ['first-run', ['This device is paired', 'Anna Berger'], [pair, (page) => page.waitForSelector('[data-step=done]')]],
  ['pair-another', ['Pair this device', 'Back']],
  ['inbox', ['Pending', 'Live', 'ACME Shop', 'Nordbank', 'EUR 1,234.50', 'First request from this client', 'Asks for a number']],
  ['inbox-empty', ['Nothing to approve', 'Last decision: ACME Shop']],
  ['inbox-loading', ['Pending']],
  ['inbox-polling', ['Polling every 10 s']],
  ['inbox-connecting', ['Connecting']],
  ['inbox-offline', ['Offline since', 'These may be out of date.']],
  ['inbox-accounts', ['For Anna Berger', 'For Anna Berger (Werk)']],
  ['inbox-providers', ['For Anna Berger at Example City', 'For Anna Berger at Acme']],
  ['inbox-removed', ['was removed from Anna Berger’s account']],
  ['inbox-strange', ['A request could not be verified', 'ACME Shop']],
  ['inbox-arrival', ['ACME Shop'], [(page) => page.waitForSelector(byId('request-card'))]],
  ['request-loading', ['Verifying the request']],
  ['request-show', ['ACME Shop', 'asks for your approval', 'Sign you in', 'Message from ACME Shop', 'W4SCT', 'Firefox 143 on Windows', 'Reported by the client', 'Anna’s ThinkPad', 'Does it match?', 'If you did not start this, deny.'], [state('ready')]],
  ['request-show-sentence', ['Sign in to ACME Shop at till 4 in Linz', 'exactly the message above']],
  ['request-show-nothing', ['The client sent no message to compare.', 'has not seen this client before', 'Not provided']],
  ['request-type', ['Enter the number from the other screen'], [state('ready')]],
  ['request-type', ['That number is wrong. You have 1 try left.', 'was told nothing'], [(page) => page.fill(byId('match-input'), '999'), approve, state('wrong_number')]],
  ['request-unlock', ['Your PIN', 'Denying never needs it.'], [state('needs_unlock')]],
  ['request-unlock', ['That PIN is wrong.'], [(page) => page.fill(byId('match-input'), '471'), (page) => page.fill(byId('pin-input'), '000000'), approve, (page) => page.waitForSelector('[aria-invalid]')]],
  ['request-bio', ['fingerprint or face'], [state('needs_unlock')]],
  ['request-payment', ['Pay from your account', 'Amount', 'EUR 1,234.50', 'As sent: 1234.50 EUR', 'Werkstatt Blau GmbH', 'DE02120300000000202051', 'Invoice 2026-118', 'payment_initiation', 'https://bank.example/payments']],
  ['request-unknown-details', ['hidden_surcharge', '999.00', '(empty)', 'Scroll down']],
  ['request-long-numbers', ['Move units', '12345678901234567890', '12.10', 'Rate', 'EUR 0.10', 'As sent: 0.10 EUR']],
  ['request-last-seconds', ['Less than 30 seconds left']],
  ['request-hostile', ['U+202E', 'U+200B', '<img src=x onerror=alert(1)>', 'javascript:alert(1)']],
  ['request-wrong-number', ['You have 1 try left'], [state('wrong_number')]],
  ['request-show', ['Not me – report', 'Changed my mind', 'Too many of these'], [(page) => page.click(byId('deny-menu'))]],
  ['request-sending', ['Sending your decision', 'still waits'], [state('sending')]],
  ['request-offline', ['Your decision did not get through', 'will not be sent again by itself', 'most likely still waits'], [approve, state('offline')]],
  ['request-offline-before', ['Offline: approving has to wait.']],
  ['request-approved', ['Approved', 'has not picked it up yet'], [state('approved')]],
  ['request-received', ['ACME Shop has received your approval.'], [state('approved'), (page) => page.waitForSelector('[data-received=true]')]],
  ['request-denied', ['Denied', 'was told that access was denied'], [state('denied')]],
  ['request-denied-too-many', ['too many of these'], [state('denied')]],
  ['request-denied-not-me', ['Denied and reported', 'Change the password of your account', 'was told that access was denied'], [state('denied')]],
  ['request-mismatch', ['the number was wrong', 'was told that access was denied'], [state('mismatch')]],
  ['request-expired', ['Time is over', 'was told that the request expired'], [state('expired')]],
  ['request-cancelled', ['Taken back', 'no longer waits'], [state('cancelled')]],
  ['request-superseded', ['Replaced by a newer request', 'Open the newer request', 'was told that this one is over'], [state('superseded')]],
  ['request-elsewhere', ['Approved on “Anna’s phone”', 'was told that you approved'], [state('handled_elsewhere')]],
  ['request-elsewhere-denied', ['Denied on “Anna’s phone”', 'was told that access was denied'], [state('handled_elsewhere')]],
  ['request-acme', ['asks for your approval through Acme', 'Anna Berger · Acme', 'https://sso.acme.example/realms/acme'], [state('ready')]],
  ['request-acme', ['Acme has your approval. ACME Shop can go on.'], [approve, state('telling'), state('approved')]],
  ['request-acme-failed', ['Approved, but not delivered'], [approve, state('telling'), state('failed')]],
  ['request-acme-unclear', ['Approved, but perhaps not delivered'], [approve, state('telling'), state('unclear')]],
  ['request-telling', ['Telling Acme', 'Acme is being told now', 'will stand in your history', 'still waits for Acme'], [state('telling')]],
  ['request-told', ['Acme has your approval. ACME Shop can go on.'], [state('approved')]],
  ['request-failed', ['Approved, but not delivered', 'signed and kept in your history, but Acme could not be told', 'did not get your approval'], [state('failed')]],
  ['request-unclear', ['Approved, but perhaps not delivered', 'no answer came back', 'may go on, or may still wait'], [state('unclear')]],
  ['request-denied-telling', ['Denied', 'Acme is being told, and will tell ACME Shop'], [state('denied')]],
  ['request-denied-told', ['Acme knows that you denied'], [state('denied')]],
  ['request-denied-untold', ['Acme could not be told', 'gets nothing'], [state('denied')]],
  ['request-denied-unclear', ['Nobody knows whether Acme heard of it'], [state('denied')]],
  ['request-elsewhere-telling', ['Approved on “Anna’s phone”', 'Acme is being told that you approved'], [state('handled_elsewhere')]],
  ['request-cannot-verify', ['could not be verified', 'nothing of it is shown', 'is told nothing by this device'], [state('cannot_verify')]],
  ['request-removed', ['This device was removed', 'can still be answered on your other devices'], [state('device_removed')]],
  ['request-error', ['This did not work', 'This is no longer there.', 'still waits'], [state('error')]],
  ['history', ['Today', 'Yesterday', 'Missed', 'Denied', 'on Anna’s phone', 'Show older']],
  ['history-acme', ['Through Acme', 'Being delivered', 'Not delivered', 'Perhaps not delivered', 'Denied']],
  ['history-providers', ['Anna Berger · Example City', 'Anna Berger · Acme', 'Anna B. · Acme Sports Club']],
  ['history-empty', ['Nothing here yet']],
  ['history-loading', ['Loading']],
  ['history-offline', ['The backend cannot be reached.']],
  ['record', ['Receipt verified', 'Client received it', 'W4SCT', 'Saved to ~/Documents'], [(page) => page.click(byId('receipt-save'))]],
  ['record-denied', ['Not me', 'Please confirm to the agent']],
  ['record-missed', ['Missed', 'No decision was made, so there is no receipt.']],
  ['record-unverified', ['Receipt not verified', 'Do not rely on it.']],
  ['record-acme', ['Asked through', 'sso.acme.example/realms/acme', 'Told Acme', 'Yes']],
  ['record-failed', ['Not delivered', 'No, it could not be told', 'Acme could not be told']],
  ['record-unclear', ['Perhaps not delivered', 'Nobody knows: no answer came back']],
  ['record-missing', ['This is no longer there.']],
  ['devices', ['This device', 'Other devices', 'Hardware', 'Not seen for 90 days', 'it can be woken, but cannot answer']],
  ['devices', ['Remove “Anna’s phone”?', 'has to be paired again'], [(page) => page.locator(byId('device-remove')).first().click()]],
  ['devices', ['New name of Anna’s ThinkPad', 'Save'], [(page) => page.locator(byId('device-rename')).first().click()]],
  ['devices-only', ['This is your only device.']],
  ['devices-offline', ['The backend cannot be reached.']],
  ['settings', ['Accounts on this device', 'https://ad.example.org', 'Pair another account', 'Your keys are kept', 'Countersign 0.1.0']],
  ['settings', ['Sign Anna Berger out of this device?'], [(page) => page.click(byId('sign-out'))]],
  ['settings-code', ['Code for calls and counters', 'Some shops ask you for this code', 'You have no code.', 'Set a code']],
  ['settings-code', ['New code', 'Your PIN', 'easy to say aloud'], [(page) => page.click(byId('user-code-add'))]],
  ['settings-code-set', ['You have a code.', 'Change the code', 'Remove the code']],
  ['settings-code-set', ['can send you requests without it'], [(page) => page.click(byId('user-code-remove'))]],
  ['settings-code-offline', ['Code for calls and counters', 'The backend cannot be reached.']],
  ['settings-providers', ['Anna Berger · Example City', 'Anna Berger · Acme', 'Anna B. · Acme Sports Club', 'https://id.acne-club.example']],
  ['settings-accounts', ['Removed by the backend', 'https://sso.work.example']],
  ['inbox', ['Keyboard shortcuts', 'Approve has no shortcut.'], [(page) => page.waitForSelector(byId('request-card')), (page) => page.keyboard.press('?')]],
];

const SIZES = { desk: { width: 1024, height: 768 }, phone: { width: 390, height: 844 } };

interface Found {
  id: string;
  help: string;
  nodes: string[];
}

/** What axe finds against WCAG 2.2 AA. */
async function audit(page: Page): Promise<Found[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`) }));
  });
}

/** How many pixels the widest thing sticks out to the side of the window or of its own scroller. */
async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll<HTMLElement>('main, .scroller, nav, dialog')];
    return Math.max(...boxes.map((box) => box.scrollWidth - box.clientWidth));
  });
}

let browser: Browser;
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

for (const scheme of ['light', 'dark'] as const) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    describe(`${scheme}, ${size}`, () => {
      let shown: Awaited<ReturnType<typeof watched>>;

      beforeAll(async () => {
        const context = await browser.newContext({ colorScheme: scheme, viewport, locale: 'en-GB', reducedMotion: 'reduce' });
        shown = await watched(context);
      });

      afterAll(async () => {
        await shown.page.context().close();
      });

      /** S-074 (policy), S-080 (words), S-082 (axe, layout), R-251 (who asks, why, what follows, and to deny what one did not start) */
      it.each(SCENES)('%s says %j', async (scene, words, steps = []) => {
        const { page, complaints } = shown;
        complaints.length = 0;
        await show(page, origin, scene);
        for (const step of steps) await step(page);
        for (const word of words) await page.getByText(word).first().waitFor({ state: 'attached', timeout: 5000 });
        expect(await overflow(page), 'S-082: nothing sticks out to the side').toBeLessThanOrEqual(0);
        // Playwright evaluates past the policy of the page, as a tester's own tool may.
        await page.evaluate(AXE);
        expect(await audit(page), 'S-082: no accessibility violation').toEqual([]);
        expect(complaints, 'S-074: the policy holds and nothing failed').toEqual([]);
      });
    });
  }
}

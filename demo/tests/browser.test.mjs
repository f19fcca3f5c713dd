// The pages in a real Chromium, against a real provider. Whoever answers for the person sees only what the page shows.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { startDemo, startPeer } from './actors.mjs';

const SIZES = { desktop: { width: 1024, height: 768 }, phone: { width: 390, height: 844 } };
const SCENES = ['shop', 'call-centre', 'terminal'];

let peer;
let demo;
let hurried; // a demo whose requests live three seconds
let browser;
before(async () => {
  peer = await startPeer();
  demo = await startDemo(peer.address);
  hurried = await startDemo(peer.address, { REQUESTED_EXPIRY: '3' });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
});
after(async () => {
  await browser?.close();
  await Promise.all([demo, hurried, peer].map((program) => program?.stop()));
});

/** Opens a scene in a fresh profile; the test fails on any console message, which is where violations of the policy appear. */
async function open(t, { scene, at = demo, theme = 'light', size = 'desktop', complaints = [] }) {
  const context = await browser.newContext({ colorScheme: theme, viewport: SIZES[size], reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(`${at.address}/${scene ?? ''}`);
  return page;
}

/** Asks as a person would and returns the message that then stands on the page. */
async function ask(page, scene, person = 'anna') {
  const input = page.locator(scene === 'terminal' ? '#command' : '#login-hint');
  await input.fill(scene === 'terminal' ? `ssh ${person}@build-7` : person);
  await input.press('Enter');
  return page.getByTestId('message').textContent();
}

/** Waits until the page shows that the request is settled as `state` and returns all it then says. */
async function settled(page, state) {
  await page.locator(`[data-state="${state}"]:visible`).waitFor();
  return page.locator('main').innerText();
}

const shop = { approved: /Paid/, denied: /Payment denied[\s\S]*Nothing was charged/, expired: /No answer in time[\s\S]*Nothing was charged/ };
const callCentre = { approved: /Caller verified[\s\S]*This is anna/, denied: /The caller said no/, expired: /No answer in time/ };
const terminal = { approved: /Approved by anna[\s\S]*Welcome to build-7/, denied: /Permission denied/, expired: /Timed out/ };
const words = { shop, 'call-centre': callCentre, terminal };

// Side by side, because most of the time is waiting for the next poll.
describe('in the browser', { concurrency: 4 }, () => {
  for (const scene of SCENES) {
    test(`${scene}: after approval the page shows the verified claims`, async (t) => {
      const page = await open(t, { scene });
      await peer.approve(await ask(page, scene));
      assert.match(await settled(page, 'approved'), words[scene].approved);
      assert.equal(await page.locator('[data-claim="sub"] td').textContent(), 'anna');
      assert.equal(await page.locator('[data-claim="iss"] td').textContent(), peer.address);
    });

    test(`${scene}: after denial the page says so and shows no claims`, async (t) => {
      const page = await open(t, { scene });
      await peer.deny(await ask(page, scene));
      assert.match(await settled(page, 'denied'), words[scene].denied);
      assert.equal(await page.locator('.claims').count(), 0);
    });

    test(`${scene}: after expiry the page says so`, async (t) => {
      const page = await open(t, { scene, at: hurried });
      await ask(page, scene);
      assert.match(await settled(page, 'expired'), words[scene].expired);
    });

    test(`${scene}: giving up says that the device still has the request`, async (t) => {
      const page = await open(t, { scene });
      await ask(page, scene);
      if (scene === 'terminal') await page.keyboard.press('Control+c');
      else await page.getByTestId('cancel').click();
      assert.match(await settled(page, 'cancelled'), /runs out by itself at \d/);
    });

    test(`${scene}: a person nobody knows is an answer, and the page can ask again`, async (t) => {
      const complaints = [];
      const page = await open(t, { scene, complaints });
      await ask(page, scene, 'unknown-person').catch(() => {});
      await page.getByText('The provider knows nobody by that name').waitFor();
      assert.equal(complaints.splice(0).length, 1, 'Chromium itself reports the 502');
      await peer.approve(await ask(page, scene));
      await settled(page, 'approved');
    });
  }

  test('markup in what a provider says is shown as text', async (t) => {
    const page = await open(t, { scene: 'call-centre' });
    const hostile = '<img src=x onerror=alert(1)>';
    await peer.approve(await ask(page, 'call-centre', hostile));
    assert.match(await settled(page, 'approved'), /This is <img src=x onerror=alert\(1\)>/);
    assert.equal(await page.locator('main img').count(), 0);
  });

  test('while the provider is gone the page says so and keeps waiting', async (t) => {
    const mortal = await startPeer();
    const shopThere = await startDemo(mortal.address);
    const page = await open(t, { scene: 'shop', at: shopThere });
    t.after(shopThere.stop);
    t.after(mortal.stop);
    await ask(page, 'shop');
    await mortal.stop();
    await page.getByText('cannot be reached at the moment').waitFor();
    assert.equal(await page.locator('#approval').getAttribute('data-state'), 'waiting');
  });

  test('when the demo itself is gone the page says so', async (t) => {
    const shopThere = await startDemo(peer.address);
    t.after(shopThere.stop);
    const complaints = [];
    const page = await open(t, { scene: 'shop', at: shopThere, complaints });
    await ask(page, 'shop');
    await shopThere.stop();
    const { port } = new URL(shopThere.address);
    const successor = await startDemo(peer.address, { PORT: port });
    t.after(successor.stop);
    assert.match(await settled(page, 'failed'), /stopped or restarted/);
    complaints.length = 0; // Chromium reports the lost connections
  });

  for (const theme of ['light', 'dark']) {
    for (const size of Object.keys(SIZES)) {
      test(`every page is readable and fits: ${theme}, ${size}`, async (t) => {
        const look = async (page, where) => {
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} fits`);
          await page.evaluate(axe.source);
          const { violations } = await page.evaluate(() => axe.run());
          assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), [], where);
        };
        await look(await open(t, { theme, size }), 'home');
        await Promise.all(
          SCENES.map(async (scene) => {
            const page = await open(t, { scene, theme, size });
            await look(page, scene);
            const message = await ask(page, scene);
            await look(page, `${scene}, waiting`);
            await (scene === 'shop' ? peer.deny(message) : peer.approve(message));
            await settled(page, scene === 'shop' ? 'denied' : 'approved');
            await look(page, `${scene}, settled`);
          }),
        );
      });
    }
  }
});

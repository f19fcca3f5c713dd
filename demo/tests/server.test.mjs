// The demo's server as a process, asked by plain HTTP: what it refuses, what it sends along, what it never tells.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Approvals } from '../src/approvals.mjs';
import { readConfig } from '../src/config.mjs';
import { discover } from '../src/provider.mjs';
import { settingsFor, startDemo, startPeer } from './actors.mjs';

let peer;
let demo;
before(async () => {
  peer = await startPeer();
  demo = await startDemo(peer.address);
});
after(async () => {
  await demo?.stop();
  await peer?.stop();
});

const ask = (body, headers = {}) =>
  fetch(`${demo.address}/api/approvals`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: demo.address, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

test('every page comes with a policy that allows neither inline script nor markup from strings', async () => {
  for (const page of ['/', '/shop', '/call-centre', '/terminal', '/nothing-here']) {
    const response = await fetch(demo.address + page);
    const policy = response.headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/, page);
    assert.match(policy, /require-trusted-types-for 'script'/, page);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/, page);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff', page);
    const html = await response.text();
    assert.doesNotMatch(html, /<script(?![^>]* src="\/)|<style|\son\w+=|\sstyle=/i, `${page} has nothing inline`);
  }
});

test('another name for this address is turned away', async () => {
  const { hostname, port } = new URL(demo.address);
  const [response] = await once(request({ hostname, port, path: '/', headers: { host: `rebound.example:${port}` } }).end(), 'response');
  assert.equal(response.statusCode, 421);
});

test('another site cannot make somebody be asked', async () => {
  assert.equal((await ask({ scene: 'shop', login_hint: 'anna' }, { origin: 'https://shop.example' })).status, 403);
  assert.equal((await ask('{}', { 'content-type': 'text/plain' })).status, 415);
});

const refused = {
  'no person': { scene: 'shop' },
  'an empty person': { scene: 'shop', login_hint: '  ' },
  'a person that is no text': { scene: 'shop', login_hint: ['anna'] },
  'a very long person': { scene: 'shop', login_hint: 'a'.repeat(129) },
  'no scene': { login_hint: 'anna' },
  'an inherited scene': { scene: 'constructor', login_hint: 'anna' },
  'no JSON': 'hello',
  'no object': 'null',
  'too much': JSON.stringify({ scene: 'shop', login_hint: 'x'.repeat(5000) }),
};
for (const [what, body] of Object.entries(refused)) {
  test(`${what} is refused with a sentence`, async () => {
    const response = await ask(body);
    assert.equal(response.status, 400);
    const { code, detail } = await response.json();
    assert.equal(code, 'invalid_input');
    assert.match(detail, /\.$/);
  });
}

test('a person the provider does not know is named as such', async () => {
  const response = await ask({ scene: 'shop', login_hint: 'unknown-person' });
  assert.equal(response.status, 502);
  assert.equal((await response.json()).code, 'unknown_user_id');
});

test('the message of each scene is what people can handle', async () => {
  const shapes = { shop: /^[1-9]\d{3}$/, terminal: /^[1-9]\d$/, 'call-centre': /^[a-z]+ [a-z]+$/ };
  for (const [scene, shape] of Object.entries(shapes)) {
    const view = await (await ask({ scene, login_hint: 'anna' })).json();
    assert.match(view.message, shape, scene);
    await fetch(`${demo.address}/api/approvals/${view.id}`, { method: 'DELETE' });
  }
});

test('the stream tells the end and closes, and neither token nor auth_req_id is in it', async () => {
  const view = await (await ask({ scene: 'shop', login_hint: 'anna' })).json();
  const events = fetch(`${demo.address}/api/approvals/${view.id}/events`).then((response) => response.text());
  await peer.approve(view.message);
  const text = await events;
  const last = JSON.parse(text.trim().split('\n').at(-1).slice('data: '.length));
  assert.equal(last.name, 'approved');
  assert.equal(last.claims.sub, 'anna');
  assert.doesNotMatch(text, /auth_req_id|access_token|id_token|eyJ/);
});

test('a cancelled request is polled no more', async () => {
  const view = await (await ask({ scene: 'shop', login_hint: 'anna' })).json();
  const events = fetch(`${demo.address}/api/approvals/${view.id}/events`).then((response) => response.text());
  assert.equal((await fetch(`${demo.address}/api/approvals/${view.id}`, { method: 'DELETE' })).status, 204);
  assert.match(await events, /"name":"cancelled"/);
});

test('when the last reader has left the polling ends', async () => {
  const config = readConfig(settingsFor(peer.address));
  const approvals = new Approvals(await discover(config), config, { graceMs: 0 });
  const approval = await approvals.start('shop', { login_hint: 'anna' });
  const [leave, leaveToo] = [approval.listen(() => {}), approval.listen(() => {})];
  leave();
  await delay(20);
  assert.equal(approval.settled, false, 'one still reads');
  leaveToo();
  for (let tries = 0; tries < 500 && !approval.settled; tries += 1) await delay(10);
  assert.equal(approval.view().name, 'cancelled');
});

test('an approval nobody asked for does not exist', async () => {
  for (const path of ['/api/approvals/00000000-0000-0000-0000-000000000000/events', '/api/approvals/..%2f..', '/../server.mjs', '/server.mjs']) {
    assert.equal((await fetch(demo.address + path)).status, 404, path);
  }
});

test('a path that is none is refused', async () => {
  const { hostname, port, host } = new URL(demo.address);
  for (const path of ['http://elsewhere.example/', '*']) {
    const [response] = await once(request({ hostname, port, path, headers: { host } }).end(), 'response');
    assert.equal(response.statusCode, 400, path);
  }
});

test('a wrong client secret is named as such', async (t) => {
  const stranger = await startDemo(peer.address, { CLIENT_SECRET: 'wrong' });
  t.after(stranger.stop);
  const response = await fetch(`${stranger.address}/api/approvals`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: stranger.address },
    body: JSON.stringify({ scene: 'shop', login_hint: 'anna' }),
  });
  assert.equal((await response.json()).code, 'invalid_client');
});

test('a setting that cannot work is named before anything starts', () => {
  const good = { ISSUER: 'https://op.example', CLIENT_ID: 'shop', CLIENT_SECRET: 's' };
  assert.equal(readConfig(good).insecure, false);
  assert.equal(readConfig({ ...good, ISSUER: 'http://127.0.0.1:4000' }).insecure, true);
  assert.throws(() => readConfig({ ...good, CLIENT_SECRET: '' }), /CLIENT_SECRET/);
  assert.throws(() => readConfig({ ...good, ISSUER: 'op.example' }), /ISSUER/);
  assert.throws(() => readConfig({ ...good, ISSUER: 'http://op.example' }), /https/);
  assert.throws(() => readConfig({ ...good, PORT: '70000' }), /PORT/);
  assert.throws(() => readConfig({ ...good, REQUESTED_EXPIRY: '1.5' }), /REQUESTED_EXPIRY/);
});

test('a provider that is not there is a sentence and exit code 1, not a stack', async () => {
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: new URL('../', import.meta.url),
    env: { PATH: process.env.PATH, ISSUER: 'http://127.0.0.1:9', CLIENT_ID: 'shop', CLIENT_SECRET: 'a-secret-value' },
  });
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.match(text, /^The demo cannot start: /);
  assert.doesNotMatch(text, /\n\s+at |a-secret-value/);
});

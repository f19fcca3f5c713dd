#!/usr/bin/env node
// Bounded CIBA load on any provider, without dependencies. One grant is: bc-authorize, completion, token. See README.md.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { performance } from 'node:perf_hooks';

import { Client } from './client.mjs';
import { Connection, getJson } from './connection.mjs';
import { Notifications } from './notifications.mjs';
import { readOptions } from './options.mjs';
import { usage } from './process.mjs';

const GRANT = 'urn:openid:params:grant-type:ciba';
const PENDING = /authorization_pending|slow_down/;

const options = readOptions(process.argv.slice(2));
const number = (name) => Number(options[name]);
const concurrency = number('concurrency');

const metadata = await discover();
const BACKCHANNEL = new URL(options['bca-url'] || metadata.backchannel_authentication_endpoint);
const TOKEN = new URL(options['token-url'] || metadata.token_endpoint);
const client = new Client(options, metadata.issuer ?? options.issuer);
const notifications = options.mode === 'ping' ? new Notifications() : null;
await notifications?.listen(options);

const milliseconds = { bca: [], complete: [], pending: [], token: [], ping: [], grant: [] };
const errors = new Map();
const samples = [];
const count = { ok: 0, denied: 0, polls: 0, opened: 0 };
let recording = false;

async function discover() {
  if (!options.issuer) return {};
  try {
    return await getJson(`${options.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, options);
  } catch (error) {
    if (!options['bca-url']) throw error;
    return {};
  }
}

const fill = (template, values) => template.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const note = (error) => errors.set(error, (errors.get(error) ?? 0) + 1);

async function timed(what, promise) {
  const began = performance.now();
  const result = await promise;
  if (recording) milliseconds[what].push(performance.now() - began);
  return result;
}

// Opens request number `n`; its id, or undefined when it was refused.
async function open(connection, n, notificationToken) {
  const values = { n, h: n % number('hint-mod') };
  let params = {
    scope: options.scope,
    [options['hint-param']]: fill(options.hint, { n: values.h }),
    binding_message: fill(options['binding-message'], values),
    acr_values: options['acr-values'],
    user_code: options['user-code'],
    requested_expiry: options['requested-expiry'],
    client_notification_token: notificationToken,
  };
  for (const pair of options.param) {
    const split = pair.indexOf('=');
    params[pair.slice(0, split)] = fill(pair.slice(split + 1), values);
  }
  if (options.signed) params = client.asRequestObject(params);
  const { headers, body } = client.authenticated(params);
  const path = BACKCHANNEL.pathname + BACKCHANNEL.search;
  const answer = await timed('bca', connection.request('POST', path, headers, body));
  if (answer.status !== 200) return void note(`bc-authorize ${answer.status} ${answer.body.slice(0, 80)}`);
  count.opened += 1;
  return JSON.parse(answer.body).auth_req_id;
}

async function poll(connection, id) {
  const { headers, body } = client.authenticated({ grant_type: GRANT, auth_req_id: id });
  count.polls += 1;
  const began = performance.now();
  const answer = await connection.request('POST', TOKEN.pathname, headers, body);
  return { ...answer, took: performance.now() - began };
}

async function pendingPoll(connection, id) {
  const answer = await poll(connection, id);
  if (recording) milliseconds.pending.push(answer.took);
  if (!PENDING.test(answer.body)) note(`pending poll ${answer.status} ${answer.body.slice(0, 60)}`);
}

// Has the person's part done; whether that went well.
async function complete(connection, id, action, n) {
  const hint = fill(options.hint, { n: n % number('hint-mod') });
  const raw = { auth_req_id: id, action, n, login_hint: hint };
  const url = new URL(fill(options['complete-url'], { ...raw, auth_req_id: encodeURIComponent(id), login_hint: encodeURIComponent(hint) }));
  const headers = options['complete-body'] ? { 'content-type': options['complete-type'] } : {};
  for (const header of options['complete-header']) {
    const split = header.indexOf(':');
    headers[header.slice(0, split).trim().toLowerCase()] = fill(header.slice(split + 1).trim(), raw);
  }
  const body = fill(options['complete-body'], raw);
  const answer = await timed('complete', connection.request(options['complete-method'], url.pathname + url.search, headers, body));
  if (answer.status >= 200 && answer.status < 300) return true;
  note(`completion ${answer.status} ${answer.body.slice(0, 80)}`);
  return false;
}

async function redeem(connections, id, action, began) {
  for (let tries = 0; ; tries++) {
    const answer = await poll(connections.token, id);
    const over = answer.status === 200 || /access_denied/.test(answer.body);
    if (!over && PENDING.test(answer.body) && tries < number('poll-max')) {
      if (recording) milliseconds.pending.push(answer.took);
      await sleep(number('poll-ms'));
      continue;
    }
    if (!over || (answer.status === 200) === (action === 'deny')) {
      return void note(`token ${answer.status} ${answer.body.slice(0, 90)}`);
    }
    if (!recording) return;
    milliseconds.token.push(answer.took);
    milliseconds.grant.push(performance.now() - began);
    if (action === 'deny') count.denied += 1;
    else count.ok += 1;
    if (action !== 'deny' && samples.length < number('verify')) samples.push(answer.body);
    return;
  }
}

async function grant(connections, n) {
  const began = performance.now();
  const notificationToken = notifications ? crypto.randomBytes(24).toString('base64url') : undefined;
  const id = await open(connections.backchannel, n, notificationToken);
  if (id === undefined) return;
  for (let i = 0; i < number('pending-polls'); i++) await pendingPoll(connections.token, id);
  const denied = number('deny-every') > 0 && n % number('deny-every') === 0;
  const action = denied ? 'deny' : options.action;
  if (options['complete-url'] && !(await complete(connections.complete, id, action, n))) return;
  if (notifications) {
    const authorization = await timed('ping', notifications.about(id));
    if (authorization !== `Bearer ${notificationToken}`) note('a ping came with another token');
  }
  await redeem(connections, id, action, began);
}

function connect() {
  const all = new Map();
  const to = (url) => {
    if (!all.has(url.origin)) all.set(url.origin, new Connection(url, options));
    return all.get(url.origin);
  };
  const complete = options['complete-url'] && to(new URL(fill(options['complete-url'], { auth_req_id: 'x', action: 'x', n: 0, login_hint: 'x' })));
  return { backchannel: to(BACKCHANNEL), token: to(TOKEN), complete, close: () => all.forEach((one) => one.close()) };
}

let next = 0;
/** Does `work` `amount` times, `concurrency` at once, each worker on connections of its own. */
async function phase(amount, work) {
  const end = next + amount;
  const stopAt = Date.now() + number('max-seconds') * 1000;
  const worker = async () => {
    const connections = connect();
    while (next < end && Date.now() < stopAt) {
      try {
        await work(connections, next++);
      } catch (error) {
        note(`no answer: ${error.message}`);
      }
    }
    connections.close();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

// What is measured: grants, polls of requests that wait, or requests that are only opened.
const pending = [];
const kinds = {
  grants: { amount: number('grants'), warmup: number('warmup'), work: grant },
  open: { amount: number('open'), warmup: 0, work: (connections, n) => open(connections.backchannel, n) },
  polls: { amount: number('polls'), warmup: concurrency, work: (connections, n) => pendingPoll(connections.token, pending[n % pending.length]) },
};
const kind = options.polls ? 'polls' : options.open ? 'open' : 'grants';
const { amount, warmup, work } = kinds[kind];

const opening = async (connections, n) => pending.push(await open(connections.backchannel, n));
if (warmup > 0) await phase(warmup, kind === 'polls' ? opening : work);
if (kind === 'polls') await phase(warmup * 10, work);
const warmupErrors = errors.size;
errors.clear();
for (const name in count) count[name] = 0;
recording = true;
const server = options.pid && { before: usage(options.pid, options) };
const cpuBefore = process.cpuUsage();
const began = performance.now();
await phase(amount, work);
const seconds = (performance.now() - began) / 1000;
const cpu = process.cpuUsage(cpuBefore);
if (server) server.after = usage(options.pid, options);
notifications?.close();

const jwks = options['jwks-url'] || metadata.jwks_uri;
let verified = null;
if (samples.length > 0 && jwks) {
  const { keys } = await getJson(jwks, options);
  verified = samples.filter((sample) => client.accepts(JSON.parse(sample).id_token ?? '..', keys)).length;
  if (verified < samples.length) note('an ID token does not verify');
}

const round = (value, digits = 2) => Number(value.toFixed(digits));
function quantiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
  return { n: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
const done = { grants: count.ok + count.denied, polls: count.polls, open: count.opened }[kind];
const result = {
  kind,
  target: BACKCHANNEL.href,
  client: options.client,
  auth: options.auth,
  mode: options.mode,
  signed: options.signed,
  concurrency,
  amount,
  done,
  denied: count.denied,
  seconds: round(seconds, 3),
  per_second: round(done / seconds, 1),
  polls: count.polls,
  pings: notifications?.count,
  ms: Object.fromEntries(Object.entries(milliseconds).filter(([, all]) => all.length > 0).map(([name, all]) => [name, quantiles(all)])),
  id_tokens_verified: verified === null ? null : `${verified}/${samples.length}`,
  generator_cpu_ms_each: round((cpu.user + cpu.system) / 1000 / amount, 4),
  server: server && {
    rss_mib: round(server.after.rss, 1),
    peak_mib: round(server.after.peak, 1),
    cpu_ms_each: round((server.after.cpu - server.before.cpu) / amount, 4),
  },
  errors: Object.fromEntries(errors),
  warmup_errors: warmupErrors,
};
if (options.json) fs.writeFileSync(options.json, JSON.stringify(result, null, 1));
if (!options.quiet) report();
process.exit(errors.size > 0 || done !== amount ? 1 : 0);

function report() {
  const { server: at } = result;
  console.log(`${result.per_second} ${kind}/s: ${done} of ${amount} in ${result.seconds} s, ${concurrency} at once, ${options.mode}, ${options.auth}`);
  for (const [name, { n, p50, p90, p99, max }] of Object.entries(result.ms)) {
    console.log(`  ${name.padEnd(9)} n=${String(n).padEnd(6)} p50 ${p50}  p90 ${p90}  p99 ${p99}  max ${max} ms`);
  }
  console.log(`  ID tokens verified: ${result.id_tokens_verified ?? 'none'}; generator ${result.generator_cpu_ms_each} ms CPU each`);
  if (at) console.log(`  server: ${at.cpu_ms_each} ms CPU each, ${at.rss_mib} MiB (peak ${at.peak_mib})`);
  for (const [error, times] of errors) console.log(`  ERROR x${times}: ${error}`);
}

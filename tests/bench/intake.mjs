#!/usr/bin/env node
// What our intake adds to the backchannel authentication endpoint of other providers: the same provider hands over to our backend and to a stub that
// answers at once, in turn. Prints lines and, with --page, writes the part of docs/benchmarks.md.
//   node intake.mjs --countersign PROGRAM [--keycloak scripts/keycloak.sh] [--rounds 5] [--requests 2000] [--page FILE]
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { machine, replacePart, table } from './page.mjs';
import { run, start, stopAll } from './systems.mjs';
import { switchboard } from './switch.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const CONCURRENCY = 32;
/** Milliseconds at the 99th percentile. */
const GOAL = 5;

const { values: options } = parseArgs({
  options: {
    countersign: { type: 'string' },
    keycloak: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '2000' },
    page: { type: 'string' },
  },
});

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'countersign-intake-'));
const inFolder = (name) => path.join(folder, name);
const secret = `whsec_${crypto.randomBytes(32).toString('base64')}`;
fs.writeFileSync(inFolder('whsec.txt'), secret, { mode: 0o600 });
const boards = [];

// Every provider: where it is, the client that asks, whom it asks, what a backend has to know of it, and how it is told to whom it hands over.
async function nodeOidcProvider() {
  const people = Array.from({ length: 64 }, (_, n) => `user${n}`);
  const clientSecret = crypto.randomBytes(32).toString('base64url');
  const config = { folder, name: 'node', secret, clientSecret, people, ttl: 600, measured: true };
  const program = path.join(HERE, '..', 'node-op', 'server.mjs');
  const { address } = await start(process.execPath, [program, JSON.stringify(config)], { log: inFolder('op.log'), env: { ...process.env, NODE_ENV: 'production' } });
  return {
    name: 'node-oidc-provider',
    issuer: address,
    client: ['--client', 'shop', '--secret', clientSecret, '--hint', 'user{n}', '--hint-mod', `${people.length}`],
    entry: `[[connectors.generic]]
name = "node"
issuer = "${address}"
title = "Node"
app_client_id = "countersign-app"
secret_file = ${JSON.stringify(inFolder('whsec.txt'))}
callback_url = "${address}/countersign/callback"
`,
    handTo: (origin) => fetch(`${address}/story/backend`, { method: 'POST', body: origin }),
  };
}

async function keycloak(script) {
  const home = inFolder('keycloak');
  const board = await switchboard();
  boards.push(board);
  run(script, ['fetch', home]);
  const channel = `--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri=${board.origin}/connectors/keycloak/authentication`;
  const words = ['start', home, '--http-enabled=true', '--http-host=127.0.0.1', '--hostname-strict=false', '--http-port=0', channel];
  const { address } = await start(script, words, { log: inFolder('keycloak.log') });
  const issuer = `${address}/realms/acme`;
  return {
    name: 'Keycloak',
    issuer,
    client: ['--client', 'shop', '--secret', 'a secret of the shop', '--auth', 'client_secret_post', '--hint', 'anna'],
    entry: `[[connectors.keycloak]]\nname = "acme"\nissuer = "${issuer}"\ntitle = "Acme"\napp_client_id = "countersign-app"\n`,
    handTo: async (origin) => board.to(origin),
  };
}

// Our backend for these providers. What differs from the defaults: requests stay pending, because the same people are asked again and again.
async function backend(providers) {
  const head = `[server]\nlisten = "127.0.0.1:0"\n[storage]\npath = ${JSON.stringify(inFolder('countersign.db'))}\n[consent]\nsupersede = false\n`;
  const file = inFolder('config.toml');
  fs.writeFileSync(file, head + providers.map(({ entry }) => entry).join(''));
  const { address } = await start(options.countersign, ['serve', '--config', file], { log: inFolder('server.log') });
  return { name: 'Countersign', origin: address };
}

// Opens requests at the provider; milliseconds of its answers.
async function open(provider, count) {
  const result = inFolder('result.json');
  const words = ['--issuer', provider.issuer, ...provider.client, '--open', `${count}`, '--concurrency', `${CONCURRENCY}`, '--json', result, '--quiet'];
  const generator = spawn(process.execPath, [path.join(HERE, 'ciba-load.mjs'), ...words], { stdio: 'inherit' });
  const code = await new Promise((resolve) => generator.once('exit', resolve));
  return { good: code === 0, ...JSON.parse(fs.readFileSync(result, 'utf8')) };
}

async function measure(provider, target) {
  await provider.handTo(target.origin);
  // The first requests open new connections, the very first ones find those that have ended.
  await open(provider, CONCURRENCY * 4);
  const { good, ms, errors } = await open(provider, Number(options.requests));
  if (!good) throw new Error(`${provider.name} to ${target.name}: not every request was acknowledged: ${JSON.stringify(errors)}`);
  return ms.bca;
}

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
const round = (value) => Number(value.toFixed(2));

async function compare(provider, targets) {
  const found = new Map(targets.map(({ name }) => [name, []]));
  for (let n = 0; n < Number(options.rounds); n++) {
    for (const target of n % 2 ? [...targets].reverse() : targets) {
      const ms = await measure(provider, target);
      found.get(target.name).push(ms);
      console.log(`  round ${n + 1}  ${provider.name} hands over to ${target.name}: p50 ${ms.p50}, p99 ${ms.p99} ms`);
    }
  }
  const [stub, ours] = targets.map(({ name }) => found.get(name));
  const of = (quantile) => {
    const added = middle(ours.map((ms, n) => ms[quantile] - stub[n][quantile]));
    return { stub: middle(stub.map((ms) => ms[quantile])), ours: middle(ours.map((ms) => ms[quantile])), added: round(added) };
  };
  return { provider: provider.name, p50: of('p50'), p99: of('p99') };
}

function written(rows) {
  const head = ['provider', 'to the stub p50 / p99', 'to Countersign p50 / p99', 'added p50', 'added p99', `goal: under ${GOAL} at p99`];
  const cells = ({ provider, p50, p99 }) => {
    const reached = p99.added < GOAL ? 'reached' : 'not reached';
    return [provider, `${p50.stub} / ${p99.stub}`, `${p50.ours} / ${p99.ours}`, p50.added, p99.added, reached];
  };
  const how = `${options.rounds} rounds in turn, ${options.requests} requests each, ${CONCURRENCY} at once; ms of \`bc-authorize\`, the median of the rounds; what is added is the median of what each round added.`;
  return [machine(), '', how, '', table(head, rows.map(cells))].join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopAll().finally(() => process.exit(130)));
try {
  const providers = [await nodeOidcProvider()];
  if (options.keycloak) providers.push(await keycloak(options.keycloak));
  const stub = await start(process.execPath, [path.join(HERE, 'stub-intake.mjs')], { log: inFolder('stub.log') });
  const targets = [{ name: 'the stub', origin: stub.address }, await backend(providers)];
  const rows = [];
  for (const provider of providers) rows.push(await compare(provider, targets));
  const text = written(rows);
  console.log(`\n${text}`);
  if (options.page) replacePart(options.page, 'intake', text);
} finally {
  for (const board of boards) board.close();
  await stopAll();
  fs.rmSync(folder, { recursive: true, force: true });
}

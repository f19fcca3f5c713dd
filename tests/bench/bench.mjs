#!/usr/bin/env node
// The benchmark: the same load on every system in turn, several rounds, medians. Prints lines and, with --page, writes docs/benchmarks.md.
//   node bench.mjs --countersign PROGRAM --robot PROGRAM [--postgres PROGRAM] [--before PROGRAM] [--rounds 3] [--grants 2000] [--polls 20000]
//                  [--pending 300000] [--only CASE] [--page FILE]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { credentials, words } from './clients.mjs';
import { linesOf, median, writePage } from './page.mjs';
import { CROWD, PEOPLE, ours, peer, stopAll } from './systems.mjs';

const LOAD = path.join(path.dirname(fileURLToPath(import.meta.url)), 'ciba-load.mjs');
const CONCURRENCY = 32;

const { values: options } = parseArgs({
  options: {
    countersign: { type: 'string' },
    robot: { type: 'string' },
    postgres: { type: 'string' },
    before: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    grants: { type: 'string', default: '2000' },
    polls: { type: 'string', default: '20000' },
    pending: { type: 'string', default: '300000' },
    only: { type: 'string', default: '' },
    page: { type: 'string' },
  },
});

const shaped = (name, shape, polls, goal) => ({ name, unit: 'grant', shape, goal, words: ['--grants', options.grants, '--pending-polls', `${polls}`] });
const grants = (alg, polls, goal) => shaped(`${alg} polls=${polls}`, alg, polls, goal);
const CASES = [
  grants('ES256', 6, 2.5),
  grants('ES256', 0, 1.3),
  grants('RS256', 6),
  grants('RS256', 0, 1.2),
  { name: 'poll alone', unit: 'poll', shape: 'ES256', goal: 6, words: ['--polls', options.polls] },
  shaped('ping', 'ping', 0),
  shaped('private_key_jwt', 'key', 0),
  shaped('signed', 'signed', 0),
].filter((one) => one.name.includes(options.only));

// Runs the generator once; what it measured.
async function load(system, { shape, words: more }) {
  const client = words(shape, system.client(shape), own);
  const file = path.join(folder, 'result.json');
  const all = ['--issuer', system.issuer, ...client, '--hint-mod', PEOPLE, '--concurrency', CONCURRENCY];
  all.push('--complete-url', system.complete, '--warmup', '300', '--pid', system.pids, '--children', '--json', file, '--quiet', ...more);
  const robotBefore = system.robotCpu();
  const generator = spawn(process.execPath, [LOAD, ...all.map(String)], { stdio: 'inherit' });
  const code = await new Promise((resolve) => generator.once('exit', resolve));
  const result = JSON.parse(fs.readFileSync(file, 'utf8'));
  if (code !== 0) throw new Error(`${system.name}: not every ${result.kind} ended as expected: ${JSON.stringify(result.errors)}`);
  // The warm-up is in the robot's time as well.
  const each = (system.robotCpu() - robotBefore) / (result.amount + 300);
  return { ...result, robot_cpu_ms_each: Number(each.toFixed(3)) };
}

const shown = ({ per_second: rate, server, robot_cpu_ms_each: robot }) => `${rate}/s, server ${server.cpu_ms_each} ms CPU each, ${server.rss_mib} MiB, robot ${robot} ms`;

// All cases on all systems in turn, and the other way round in the next round.
async function compare(systems) {
  const found = new Map();
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const one of CASES) {
      for (const system of round % 2 ? [...systems].reverse() : systems) {
        const result = await load(system, one);
        const key = `${one.name}|${system.name}`;
        found.set(key, [...(found.get(key) ?? []), result]);
        console.log(`  round ${round + 1}  ${one.name}  ${system.name}: ${shown(result)}`);
      }
    }
  }
  return (one, system) => median(found.get(`${one.name}|${system}`));
}

// Grants beside very many requests that wait.
async function besidePending(system) {
  const [six] = CASES;
  const before = await load(system, six);
  const crowd = ['--open', options.pending, '--hint', 'crowd{n}', '--hint-mod', `${CROWD}`, '--requested-expiry', '3600', '--max-seconds', '1800'];
  const opened = await load(system, { shape: 'ES256', words: crowd });
  console.log(`  ${opened.done} requests opened: ${shown(opened)}`);
  const after = await load(system, six);
  console.log(`  beside them: ${shown(after)}; before: ${shown(before)}`);
  return { before, opened, after };
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'countersign-bench-'));
// Keys and certificate of the clients, the same for all systems.
const own = await credentials(folder);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopAll().finally(() => process.exit(130)));
try {
  const { countersign, robot, postgres, before } = options;
  const backend = (name, more) => ours({ name, countersign, robot, folder: path.join(folder, name), credentials: own, ...more });
  const systems = [await backend('ours'), before ? await backend('before', { countersign: before }) : await peer({ folder, credentials: own })];
  if (postgres) systems.push(await backend('ours-on-postgresql', { postgres }));
  console.log(`${systems.map((system) => system.name).join(', ')}; ${PEOPLE} people with paired devices, ${CONCURRENCY} at once:`);
  const result = await compare(systems);
  const pending = Number(options.pending) > 0 && !options.only ? await besidePending(systems[0]) : null;
  const rows = CASES.map((one) => ({ ...one, runs: systems.map((system) => ({ system: system.name, ...result(one, system.name) })) }));
  console.log(`\nServer CPU, ${systems[1].name} to ours:`);
  for (const row of rows) for (const line of linesOf(row)) console.log(`  ${line}`);
  if (options.page) writePage(options.page, { rows, pending, options, concurrency: CONCURRENCY, people: PEOPLE });
} finally {
  await stopAll();
  fs.rmSync(folder, { recursive: true, force: true });
}

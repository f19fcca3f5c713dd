// The systems that are measured, as processes of this run on 127.0.0.1: ours with its robot device, and the peer.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { usage } from './process.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const PEOPLE = 64;
/** People without a device, for requests that nobody decides. */
export const CROWD = 20;
const PEER_SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret';
const READY = /[Ll]istening on:? (\S*[^\s.])/;

const running = [];

/** Starts a server and waits until it says where it is. */
export async function start(command, words, { log, ...more }) {
  const output = fs.openSync(log, 'a');
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', output], ...more });
  running.push(child);
  child.on('exit', () => running.splice(running.indexOf(child), 1));
  const address = await new Promise((resolve, reject) => {
    // The stream is read to its end: a full pipe would stop the server.
    readline.createInterface({ input: child.stdout }).on('line', (line) => READY.test(line) && resolve(READY.exec(line)[1]));
    child.once('exit', () => reject(new Error(`${command} did not start, see ${log}`)));
  });
  return { pid: child.pid, address };
}

/** Ends everything that was started here. */
export async function stopAll() {
  const ended = running.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(ended);
}

/** Runs a command that has to succeed; what it printed. */
export function run(command, words, input = '') {
  const { status, stdout, stderr } = spawnSync(command, words, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${words.slice(0, 2).join(' ')}: ${stderr}`);
  return stdout.trim();
}

// What differs from the defaults, openly: one client asks the same 64 people thousands of times in a few seconds, and requests that stay
// pending are to outlive the run. Every commit is on disk before its answer leaves, as always.
const config = (storage, certificate) => `
[server]
listen = "127.0.0.1:0"

[storage]
${storage}

[op]
max_expiry = 3600

[consent]
supersede = false

[outbound]
allow = ["127.0.0.1/32"]
ca_file = ${JSON.stringify(certificate)}
`;

/** Our backend with 64 paired devices, on SQLite or, with the program `postgres`, on a PostgreSQL server of its own. */
export async function ours({ name, countersign, robot, postgres, folder, credentials }) {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'config.toml');
  const storage = [`path = ${JSON.stringify(path.join(folder, 'countersign.db'))}`];
  const database = postgres && (await start(postgres, [], { log: path.join(folder, 'postgres.log') }));
  if (database) {
    const secret = path.join(folder, 'secret');
    fs.writeFileSync(secret, crypto.randomBytes(32).toString('base64url'), { mode: 0o600 });
    storage.push(`url = ${JSON.stringify(database.address)}`, `secret_file = ${JSON.stringify(secret)}`);
  }
  fs.writeFileSync(file, config(storage.join('\n'), credentials.certificate));
  const command = (words, input) => run(countersign, [...words.slice(0, 2), '--config', file, ...words.slice(2)], input);
  const person = (username) => {
    const password = `correct horse ${username}`;
    const words = ['user', 'add', '--username', username, '--name', username, '--email', `${username}@mail.example`, '--password-stdin'];
    command(words, password);
    return `${username}:${password}`;
  };
  const people = Array.from({ length: PEOPLE }, (_, n) => person(`user${n}`));
  for (let n = 0; n < CROWD; n++) person(`crowd${n}`);
  const client = (id, alg, ...more) => {
    const words = ['client', 'add', '--id', id, '--name', `Load ${id}`, '--grant', 'ciba', '--scope', 'openid', '--binding-mode', 'show', '--id-token-alg', alg];
    return { id, secret: command([...words, ...more]) };
  };
  const secret = ['--auth', 'client_secret_basic'];
  const key = ['--auth', 'private_key_jwt', '--jwks', credentials.jwks];
  const clients = {
    ES256: client('load-es', 'ES256', ...secret),
    RS256: client('load-rs', 'RS256', ...secret),
    ping: client('load-ping', 'ES256', ...secret, '--delivery-mode', 'ping', '--notification-endpoint', credentials.endpoint),
    key: client('load-key', 'ES256', ...key),
    signed: client('load-signed', 'ES256', ...key, '--set', 'backchannel_authentication_request_signing_alg=ES256'),
  };
  const server = await start(countersign, ['serve', '--config', file], { log: path.join(folder, 'server.log') });
  const list = path.join(folder, 'people');
  fs.writeFileSync(list, people.join('\n'), { mode: 0o600 });
  const devices = await start(robot, ['--backend', server.address, '--people', list, '--wait', '60'], { log: path.join(folder, 'robot.log') });
  return {
    name,
    issuer: server.address,
    complete: `${devices.address}/decide?auth_req_id={auth_req_id}&action={action}`,
    client: (shape) => clients[shape],
    pids: [server.pid, ...(database ? [database.pid] : [])],
    robotCpu: () => usage(devices.pid).cpu,
  };
}

/** node-oidc-provider with everything in memory; its completion is a call that takes the place of person and device. */
export async function peer({ folder, credentials }) {
  const byKey = {
    grant_types: ['urn:openid:params:grant-type:ciba'],
    response_types: [],
    redirect_uris: [],
    backchannel_token_delivery_mode: 'poll',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [credentials.publicJwk] },
    id_token_signed_response_alg: 'ES256',
  };
  const clients = [
    { ...byKey, client_id: 'load-key' },
    { ...byKey, client_id: 'load-signed', backchannel_authentication_request_signing_alg: 'ES256' },
  ];
  const environment = {
    ...process.env,
    PORT: '0',
    NODE_ENV: 'production',
    TTL: '600',
    ID_ALG: 'ES256',
    CLIENTS_JSON: JSON.stringify(clients),
    NOTIFY_URL: credentials.endpoint,
    NODE_EXTRA_CA_CERTS: credentials.certificate,
  };
  const words = [path.join(HERE, 'peer', 'server.mjs')];
  const server = await start(process.execPath, words, { log: path.join(folder, 'peer.log'), env: environment });
  return {
    name: 'peer',
    issuer: server.address,
    complete: `${server.address}/hook/complete?auth_req_id={auth_req_id}&action={action}`,
    client: (shape) => ({ id: { ES256: 'load-es', RS256: 'load-rs' }[shape] ?? `load-${shape}`, secret: PEER_SECRET }),
    pids: [server.pid],
    robotCpu: () => 0,
  };
}

// The two client programs against node-oidc-provider, so that a failure against our provider is ours and not theirs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';

const SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret';
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const { d: _, ...publicKey } = { ...key, kid: 'interop', alg: 'ES256', use: 'sig' };

// node-oidc-provider never says slow_down. This stands in front of it and says so to whoever polls twice within a second.
function impatientFront() {
  const lastPoll = new Map();
  return createServer(async (incoming, outgoing) => {
    const chunks = await incoming.toArray();
    const body = Buffer.concat(chunks);
    const authReqId = new URLSearchParams(String(body)).get('auth_req_id');
    const before = lastPoll.get(authReqId) ?? 0;
    if (authReqId) lastPoll.set(authReqId, Date.now());
    if (authReqId && Date.now() - before < 1000) {
      return outgoing.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"slow_down"}');
    }
    const { hostname, port } = new URL(peer.address);
    const forwarded = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }).end(body);
    const [answer] = await once(forwarded, 'response');
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
}

/** Where the peer listens; throws with its own words when it ends before it says so. */
async function addressOf(child) {
  const said = [];
  child.stderr.setEncoding('utf8').on('data', (text) => said.push(text));
  const failed = once(child, 'error').then(([error]) => Promise.reject(error));
  const ended = once(child, 'close').then(([code, signal]) => {
    throw new Error(`the peer ended (${signal ?? code}) before it listened: ${said.join('').trim() || 'it said nothing'}`);
  });
  const listens = once(createInterface({ input: child.stdout }), 'line').then(([line]) => {
    const address = /listening on (\S+)/.exec(line)?.[1];
    if (!address) throw new Error(`the peer said something else than where it listens: ${line}`);
    return address;
  });
  // The one that comes first counts; the others are nobody's business any more.
  for (const other of [failed, ended]) other.catch(() => {});
  return Promise.race([failed, ended, listens]);
}

let front;
let issuer;
let peer;
before(async () => {
  front = impatientFront().listen(0, '127.0.0.1');
  await once(front, 'listening');
  issuer = `http://127.0.0.1:${front.address().port}`;
  const extra = {
    client_id: 'by-key',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [publicKey] },
    grant_types: ['urn:openid:params:grant-type:ciba'],
    response_types: [],
    redirect_uris: [],
    backchannel_token_delivery_mode: 'poll',
    id_token_signed_response_alg: 'ES256',
  };
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: here('../bench/peer/'),
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ISSUER: issuer, ID_ALG: 'ES256', CLIENTS_JSON: JSON.stringify([extra]) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  peer = { child };
  peer.address = await addressOf(child);
});
after(() => {
  peer?.child.kill();
  front?.close();
});

/** Runs one program; `decide` is called when it says that somebody may decide. */
async function play(program, config, decide) {
  const child = spawn(process.execPath, [here(program)], { env: { PATH: process.env.PATH, INTEROP: JSON.stringify({ issuer, login_hint: 'anna', ...config }) } });
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(JSON.parse(line));
    if (lines.at(-1).event === 'started') await decide?.();
  }
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(lines.length, 2, 'one event and one result');
  assert.equal(child.exitCode, lines[1].ok ? 0 : 1);
  return lines[1];
}

let count = 0;
function someone(action) {
  const message = `story ${(count += 1)}`;
  const decide = async () => {
    const answer = await fetch(`${peer.address}/hook/complete?${new URLSearchParams({ action, binding_message: message })}`, { method: 'POST' });
    assert.equal(answer.status, 204);
  };
  return { message, decide };
}

describe('clients of other people', { concurrency: 4 }, () => {
  for (const program of ['openid-client.mjs', 'oauth4webapi.mjs']) {
    const base = { client_id: 'load', client_secret: SECRET };

    test(`${program} gets its tokens after approval`, async () => {
      const { message, decide } = someone('approve');
      const result = await play(program, { ...base, story: 'approve', binding_message: message }, decide);
      assert.equal(result.ok, true, JSON.stringify(result));
      assert.equal(result.claims.sub, 'anna');
    });

    test(`${program} with a key gets its tokens after approval`, async () => {
      const { message, decide } = someone('approve');
      const config = { client_id: 'by-key', client_jwk: { ...key, kid: 'interop' }, story: 'approve', binding_message: message };
      const result = await play(program, config, decide);
      assert.equal(result.ok, true, JSON.stringify(result));
    });

    test(`${program} is told of a denial`, async () => {
      const { message, decide } = someone('deny');
      const result = await play(program, { ...base, story: 'deny', binding_message: message }, decide);
      assert.equal(result.ok, true, JSON.stringify(result));
    });

    test(`${program} is told of the expiry`, async () => {
      const result = await play(program, { ...base, story: 'expiry', requested_expiry: 2 });
      assert.equal(result.ok, true, JSON.stringify(result));
    });

    test(`${program} slows down when told to and still gets its tokens`, async () => {
      const { message, decide } = someone('approve');
      const result = await play(program, { ...base, story: 'poll-too-fast', binding_message: message }, decide);
      assert.equal(result.ok, true, JSON.stringify(result));
      assert.equal(result.slow_downs, 1);
    });

    test(`${program} does not call a story good that ends otherwise`, async () => {
      const { message, decide } = someone('approve');
      const result = await play(program, { ...base, story: 'deny', binding_message: message }, decide);
      assert.deepEqual([result.ok, result.error], [false, 'tokens instead of access_denied']);
    });
  }
});

// The notification endpoint for client developers, called as a provider calls it, and as everybody else might.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { SignJWT, createLocalJWKSet, exportJWK, generateKeyPair } from 'jose';
import { notificationEndpoint } from '../examples/notifications.mjs';

const ISSUER = 'https://op.example';
const TOKEN = '8d67dc78-7faa-4d41-aabd-67707b374255';
const AUTH_REQ_ID = 'urn:openid:params:jwt:claim:auth_req_id';
const RT_HASH = 'urn:openid:params:jwt:claim:rt_hash';

const signing = {};
const heard = [];
let breaks = false;
let server;
let url;

before(async () => {
  const published = [];
  for (const alg of ['ES256', 'ES384', 'RS256', 'Ed25519']) {
    signing[alg] = await generateKeyPair(alg, { extractable: true });
    published.push({ ...(await exportJWK(signing[alg].publicKey)), alg, kid: alg });
  }
  const tell = (what) => async (...said) => {
    if (breaks) throw new Error('the database is away');
    heard.push([what, ...said]);
  };
  const requests = { pinged: { mode: 'ping', token: TOKEN }, pushed: { mode: 'push', token: TOKEN }, other: { mode: 'push', token: 'another-token-of-another-request' } };
  const endpointFor = (algorithm) =>
    notificationEndpoint({
      issuer: ISSUER,
      clientId: 'shop',
      algorithm,
      keys: createLocalJWKSet({ keys: published }),
      find: async (id) => (Object.hasOwn(requests, id) ? requests[id] : undefined),
      onPing: tell('ping'),
      onTokens: tell('tokens'),
      onError: tell('error'),
      onInvalid: tell('invalid'),
    });
  const endpoints = Object.fromEntries(Object.keys(signing).map((alg) => [`/${alg}`, endpointFor(alg)]));
  server = createServer((request, response) => endpoints[request.url](request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${server.address().port}`;
});

after(() => server.close());

/** Calls the endpoint and returns its status and what it was told since. */
async function call(body, { alg = 'ES256', token = TOKEN, headers = {}, method = 'POST' } = {}) {
  heard.length = 0;
  const response = await fetch(`${url}/${alg}`, {
    method,
    redirect: 'manual',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : undefined,
  });
  return [response.status, ...heard.map(([what]) => what)];
}

const half = (hash, text) => {
  const digest = createHash(hash).update(text).digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
};

/** A call with tokens; `change` spoils claims or body before the ID token is signed. */
async function tokens(change = () => {}, { alg = 'ES256', hash = 'sha256' } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const body = { auth_req_id: 'pushed', access_token: 'an-access-token', token_type: 'Bearer', refresh_token: 'a-refresh-token', expires_in: 600 };
  const claims = { iss: ISSUER, aud: 'shop', sub: 'anna', iat: now, exp: now + 600, at_hash: half(hash, body.access_token), [AUTH_REQ_ID]: 'pushed', [RT_HASH]: half(hash, body.refresh_token) };
  change(claims, body);
  const id_token = await new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(signing[alg].privateKey);
  return { ...body, id_token };
}

test('a ping and a result are taken and answered with 204', async () => {
  assert.deepEqual(await call({ auth_req_id: 'pinged' }), [204, 'ping'], 'R-185: nothing but the id is needed');
  assert.deepEqual(await call(await tokens()), [204, 'tokens'], 'R-191');
  const [, , { tokens: given, claims }] = heard[0];
  assert.equal(given.access_token, 'an-access-token');
  assert.equal(claims.sub, 'anna');
  assert.deepEqual(await call({ auth_req_id: 'pushed', error: 'access_denied' }), [204, 'error'], 'R-193');
});

test('hashes follow the algorithm of the ID token', async () => {
  for (const [alg, hash] of [['ES256', 'sha256'], ['RS256', 'sha256'], ['ES384', 'sha384'], ['Ed25519', 'sha512']]) {
    assert.deepEqual(await call(await tokens(undefined, { alg, hash }), { alg }), [204, 'tokens'], `R-190: ${alg}`);
    const wrong = hash === 'sha256' ? 'sha512' : 'sha256';
    assert.deepEqual(await call(await tokens(undefined, { alg, hash: wrong }), { alg }), [400, 'invalid'], `R-190: ${alg}`);
  }
});

test('whoever has not the token of this very request is not heard', async () => {
  for (const authorization of ['', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, 'Bearer another-token-of-another-request', `Bearer ${TOKEN} x`]) {
    assert.deepEqual(await call({ auth_req_id: 'pinged' }, { headers: { authorization } }), [401], `R-184: ${authorization}`);
    assert.deepEqual(await call({ auth_req_id: 'pushed', error: 'access_denied' }, { headers: { authorization } }), [401], `R-184: ${authorization}`);
  }
  assert.deepEqual(await call({ auth_req_id: 'pinged' }, { headers: { authorization: `bearer ${TOKEN}` } }), [204, 'ping'], 'a scheme has no case');
  for (const auth_req_id of ['other', 'unknown', 'toString', 7, null, undefined]) {
    assert.deepEqual(await call({ auth_req_id }), [401], `R-184: ${auth_req_id}`);
  }
});

const spoilt = {
  'R-191: another issuer': (claims) => (claims.iss = 'https://evil.example'),
  'R-191: for another client': (claims) => (claims.aud = 'bank'),
  'R-191: for another client, too': (claims) => (claims.aud = ['shop', 'bank']),
  'R-191: authorized for another client': (claims) => (claims.azp = 'bank'),
  'R-191: over': (claims) => (claims.exp = claims.iat - 3600),
  'R-191: nobody': (claims) => delete claims.sub,
  'R-191: of another request': (claims) => (claims[AUTH_REQ_ID] = 'other'),
  'R-191: of no request': (claims) => delete claims[AUTH_REQ_ID],
  'R-191: another access token': (_, body) => (body.access_token = 'stolen'),
  'R-191: no access token': (_, body) => delete body.access_token,
  'R-191: no at_hash': (claims) => delete claims.at_hash,
  'R-191: another refresh token': (_, body) => (body.refresh_token = 'stolen'),
  'R-191: no rt_hash': (claims) => delete claims[RT_HASH],
};
for (const [why, change] of Object.entries(spoilt)) {
  test(`tokens are refused that are not what they seem (${why})`, async () => {
    assert.deepEqual(await call(await tokens(change)), [400, 'invalid'], why);
  });
}

test('tokens are refused that somebody else signed', async () => {
  assert.deepEqual(await call(await forged()), [400, 'invalid'], 'R-191');
});

/** A good token's claims under a signature of a key that the provider does not publish for this algorithm. */
async function forged() {
  const { privateKey } = await generateKeyPair('ES256');
  const genuine = await tokens();
  const claims = JSON.parse(Buffer.from(genuine.id_token.split('.')[1], 'base64url').toString());
  return { ...genuine, id_token: await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'ES256' }).sign(privateKey) };
}

test('an algorithm that the client did not register is refused', async () => {
  assert.deepEqual(await call(await tokens(undefined, { alg: 'RS256' })), [400, 'invalid'], 'R-191: ES256 was registered');
  const [, payload] = (await tokens()).id_token.split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  assert.deepEqual(await call({ ...(await tokens()), id_token: none }), [400, 'invalid'], 'R-191: none');
  assert.deepEqual(await call({ ...(await tokens()), id_token: undefined }), [400, 'invalid'], 'R-191: no ID token');
});

test('a refresh token is optional', async () => {
  const without = (claims, body) => {
    delete claims[RT_HASH];
    delete body.refresh_token;
  };
  assert.deepEqual(await call(await tokens(without)), [204, 'tokens'], 'R-191');
});

test('what is no call is refused, and never by a redirect', async () => {
  assert.deepEqual(await call('', { method: 'GET' }), [405], 'R-186');
  assert.deepEqual(await call('not JSON'), [400], 'R-186');
  assert.deepEqual(await call('null'), [400], 'R-186');
  assert.deepEqual(await call('auth_req_id=pinged', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }), [415], 'R-186');
  assert.deepEqual(await call(JSON.stringify({ auth_req_id: 'x'.repeat(70_000) })), [413], 'R-186');
});

test('a result that could not be kept is asked for again', async () => {
  breaks = true;
  assert.deepEqual(await call({ auth_req_id: 'pinged' }), [500], 'the provider tries again');
  assert.deepEqual(await call(await tokens()), [500], 'the provider tries again with the same tokens');
  breaks = false;
  assert.deepEqual(await call(await tokens()), [204, 'tokens']);
});

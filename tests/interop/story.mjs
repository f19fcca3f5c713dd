// What both clients share: the configuration they are given and the one line they print.
//
// The first argument, or the environment variable INTEROP, is a JSON object:
//   story              approve | deny | expiry | poll-too-fast | ping
//   issuer, client_id, login_hint
//   client_secret      for client_secret_basic (or `"auth": "client_secret_post"`), or
//   client_jwk         a private JWK (P-256 for ES256, RSA for PS256), for private_key_jwt
//   scope              default "openid"
//   binding_message, requested_expiry, acr_values, client_notification_token   sent when present
//
// In `ping` the program listens at an endpoint of its own: it says {"event":"listening","url"} and waits for a line on standard input, after which the client is
// registered with that endpoint. It fetches its tokens when it was called there, and not before.
//
// On stdout: {"event":"started"} when the person may be asked to decide: after bc-authorize, in `poll-too-fast` after the first slow_down.
// Then one result line {"story","ok","error"?,"description"?,"claims"?,"slow_downs"?}. The exit code is 0 when `ok` is true. Neither tokens nor auth_req_id are printed.

import { createPrivateKey, randomBytes, subtle, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

const ENDINGS = { approve: 'tokens', 'poll-too-fast': 'tokens', ping: 'tokens', deny: 'access_denied', expiry: 'expired_token' };

/** Reads the configuration; throws for one that names no story. */
export function readConfig() {
  const config = JSON.parse(process.argv[2] ?? process.env.INTEROP ?? '{}');
  if (!Object.hasOwn(ENDINGS, config.story)) throw new Error(`story must be one of ${Object.keys(ENDINGS).join(', ')}`);
  return config;
}

/** The parameters of the backchannel authentication request. */
export function requestParameters(config) {
  const parameters = { scope: config.scope ?? 'openid', login_hint: config.login_hint };
  for (const name of ['binding_message', 'requested_expiry', 'acr_values', 'client_notification_token']) {
    if (config[name] !== undefined) parameters[name] = String(config[name]);
  }
  return parameters;
}

/** The client's key for private_key_jwt, as both libraries want it. */
export async function clientKey({ client_jwk: jwk }) {
  const pkcs8 = createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'der' });
  const algorithm = jwk.kty === 'EC' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'RSA-PSS', hash: 'SHA-256' };
  return { key: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']), kid: jwk.kid };
}

/** Listens for the provider's call; `called` is the `auth_req_id` that came with the right token. */
export async function notificationEndpoint() {
  const token = randomBytes(20).toString('base64url');
  const expected = Buffer.from(`Bearer ${token}`);
  let hear;
  const called = new Promise((resolve) => (hear = resolve));
  const server = createServer(async (request, response) => {
    const shown = Buffer.from(request.headers.authorization ?? '');
    const known = shown.length === expected.length && timingSafeEqual(shown, expected);
    const body = known && request.method === 'POST' ? await json(request) : {};
    response.writeHead(known ? 204 : 401).end();
    if (known && Object.keys(body).join() === 'auth_req_id') hear(body.auth_req_id);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.stdout.write(`${JSON.stringify({ event: 'listening', url: `http://127.0.0.1:${server.address().port}/called` })}\n`);
  await once(process.stdin, 'data');
  process.stdin.destroy();
  return { token, called: called.finally(() => server.close()) };
}

/** Tells whoever decides that there is something to decide. */
export function started() {
  process.stdout.write('{"event":"started"}\n');
}

/** Runs `play`, which returns `{ claims, slowDowns }` or throws what the client library throws, and reports. */
export async function report(config, play) {
  const expected = ENDINGS[config.story];
  let line;
  try {
    const { claims, slowDowns = 0 } = await play();
    const slowEnough = config.story !== 'poll-too-fast' || slowDowns > 0;
    line = { story: config.story, ok: expected === 'tokens' && slowEnough, claims: withoutAuthReqId(claims), slow_downs: slowDowns };
    if (!slowEnough) line.error = 'never told to slow down';
    else if (!line.ok) line.error = `tokens instead of ${expected}`;
  } catch (error) {
    const code = error.error ?? error.code ?? error.name;
    line = { story: config.story, ok: code === expected, error: code, description: error.error_description ?? error.cause?.message ?? error.message };
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.exitCode = line.ok ? 0 : 1;
}

function withoutAuthReqId({ 'urn:openid:params:jwt:claim:auth_req_id': _, ...claims }) {
  return claims;
}

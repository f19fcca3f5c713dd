// A real provider with this package, an intake that takes what it sends, a client, and the hand that signs Countersign's answers.
// Signatures are made and checked by `standardwebhooks`, an implementation that is not ours.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

import { Provider } from 'oidc-provider';
import { Webhook } from 'standardwebhooks';

import { countersign } from '../src/index.js';

const CLIENT_SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret';
const CIBA = 'urn:openid:params:grant-type:ciba';

export const newSecret = (bytes = 32) => `whsec_${randomBytes(bytes).toString('base64')}`;

async function listen(handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

function keys() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'es' }] };
}

const client = (more) => ({
  client_secret: CLIENT_SECRET,
  grant_types: [CIBA],
  response_types: [],
  redirect_uris: [],
  backchannel_token_delivery_mode: 'poll',
  id_token_signed_response_alg: 'ES256',
  ...more,
});

/**
 * Puts everything up for the test `t`. `options` go to the package; `ttl` is the time of a request in seconds.
 */
export async function stage(t, { ttl = 120, secret = newSecret(), mountedBeside = false, ...options } = {}) {
  const it = { secret, taken: [], pings: [], errors: [], refusals: [], names: new Map() };
  // What the intake answers, and what the client says to a ping.
  it.answer = () => [201, { handle: 'handle', expires_at: Date.now() + 60_000 }];
  it.pinged = () => 204;

  const intake = await listen(async (req, res) => {
    const text = Buffer.concat(await req.toArray()).toString();
    let verified = true;
    try {
      new Webhook([secret].flat()[0]).verify(text, req.headers);
    } catch {
      verified = false;
    }
    it.taken.push({ method: req.method, path: req.url, headers: req.headers, text, verified });
    const answer = await it.answer(req, res);
    if (answer) res.writeHead(answer[0], { 'content-type': 'application/json' }).end(JSON.stringify(answer[1]));
  });

  let handler = (req, res) => res.writeHead(503).end();
  const op = await listen((req, res) => handler(req, res));
  t.after(() => [op, intake].forEach(({ server }) => server.close() && server.closeAllConnections()));
  const connector = countersign({ provider: () => provider, intake: `${intake.origin}/connectors/op/requests`, secret, ...options });
  const provider = new Provider(op.origin, {
    clients: [
      client({ client_id: 'shop', client_name: 'Demo Shop', client_uri: 'https://shop.example', authorization_details_types: ['payment'] }),
      client({ client_id: 'nameless' }),
      client({ client_id: 'pinged', backchannel_token_delivery_mode: 'ping', backchannel_client_notification_endpoint: 'https://shop.example/notified' }),
    ],
    jwks: keys(),
    scopes: ['openid', 'profile'],
    // Without these words there an ID token does not say how and when the person was authenticated.
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], profile: ['name'] },
    acrValues: ['urn:one', 'urn:two'],
    findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ sub, name: 'Anna' }) }),
    ttl: { BackchannelAuthenticationRequest: (ctx) => Number(ctx?.oidc.params.requested_expiry ?? ttl), AccessToken: 300, IdToken: 300, Grant: 600 },
    // Nothing leaves this process: the ping is taken here.
    fetch: async (url, init) => {
      it.pings.push({ url: String(url), authorization: new Headers(init.headers).get('authorization'), body: JSON.parse(init.body) });
      return new Response(null, { status: it.pinged() });
    },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: async () => ({ scope: 'profile', accessTokenFormat: 'opaque' }) },
      richAuthorizationRequests: { enabled: true, types: { payment: { validate: () => {} } } },
      ciba: {
        enabled: true,
        deliveryModes: ['poll', 'ping'],
        processLoginHint: async (_, hint) => hint,
        validateBindingMessage: async () => {},
        validateRequestContext: async () => {},
        verifyUserCode: async () => {},
        triggerAuthenticationDevice: connector.triggerAuthenticationDevice,
      },
    },
  });
  provider.on('countersign.error', (error) => it.errors.push(error));
  provider.on('backchannel_authentication.error', (_, error) => it.refusals.push(error));
  if (!mountedBeside) provider.use(connector.callback());
  const rest = provider.callback();
  handler = (req, res) => (mountedBeside && req.url === '/countersign/callback' ? connector.handler(req, res) : rest(req, res));

  const post = async (path, form, id) => {
    const authorization = `Basic ${Buffer.from(`${id}:${CLIENT_SECRET}`).toString('base64')}`;
    const answer = await fetch(op.origin + path, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) });
    return { status: answer.status, body: await answer.json() };
  };
  return Object.assign(it, {
    provider,
    intake,
    origin: op.origin,

    /** bc-authorize. */
    ask: (params = {}, id = 'shop') => post('/backchannel', { scope: 'openid profile', login_hint: 'anna', ...params }, id),

    /** bc-authorize that has to be acknowledged; the id of the request. */
    async asked(params, id) {
      const { status, body } = await it.ask(params, id);
      if (status !== 200) throw new Error(`bc-authorize: ${status} ${JSON.stringify(body)}`);
      it.names.set(body.auth_req_id, JSON.parse(it.taken.at(-1).text).id);
      return body.auth_req_id;
    },

    /** The token endpoint: the tokens, or the word of the error. */
    async poll(auth_req_id, id = 'shop') {
      const { body } = await post('/token', { grant_type: CIBA, auth_req_id }, id);
      return body.error ?? body;
    },

    /** Says a result as Countersign does, or with something wrong about it. A request is called there what it was called to it. */
    async say(body, { key = [secret].flat()[0], at = new Date(), webhookId = 'handle', headers = {}, sent } = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify({ ...body, id: it.names.get(body.id) ?? body.id });
      const signed = {
        'content-type': 'application/json',
        'webhook-id': webhookId,
        'webhook-timestamp': String(Math.floor(at / 1000)),
        'webhook-signature': new Webhook(key).sign(webhookId, at, text),
        ...headers,
      };
      const answer = await fetch(`${op.origin}/countersign/callback`, { method: 'POST', headers: signed, body: sent ?? text });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
  });
}

/** What Countersign says of request `id`. */
export const settled = (id, result, more = {}) => ({ type: 'request.settled', id, sub: 'anna', result, decided_at: Date.now(), ...more });
export const approved = (id, more) =>
  settled(id, 'approved', { auth_time: 1_795_000_000, amr: ['hwk', 'pin'], acr: 'urn:countersign:hardware', receipt: { request: 'a', decision: 'b' }, ...more });

export const claimsOf = (idToken) => JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url'));

// A provider on the real oidc-provider and our package for it, as an operator would run it; the stories start it. Its only argument is JSON:
//   {"folder", "port": 0, "secret", "name", "clientSecret", "ttl": 120, "ping": "https://..."}
// `folder` keeps what it knows, so that it can be ended and started again; {"measured": true} keeps nothing. What a story has to know stands at /story:
//   POST /story/backend  the origin of the backend, as text
//   GET  /story/calls    {"intakes": [...], "callbacks": [...]}, each {"headers", "body", "status"} as it went over the wire
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

import { countersign } from '../../connectors/node-oidc-provider/src/index.js';
import { journalIn } from './store.mjs';

// The same oidc-provider that the package sees, as it is where an operator installs both.
const { Provider } = await import(createRequire(new URL('../../connectors/node-oidc-provider/package.json', import.meta.url)).resolve('oidc-provider'));

const config = { port: 0, name: 'node', ttl: 120, people: ['anna', 'bert'], ...JSON.parse(process.argv[2]) };
const CIBA = 'urn:openid:params:grant-type:ciba';

/** What `make` makes, made once for the folder. */
function kept(name, make) {
  const file = path.join(config.folder, name);
  if (!fs.existsSync(file)) fs.writeFileSync(file, JSON.stringify(make()), { mode: 0o600 });
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}
const signingKey = () => ({ ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'es' });

// The issuer contains the port, so the socket is opened before there is a provider to answer on it.
let handler = (_, res) => res.writeHead(503).end();
const server = http.createServer((req, res) => handler(req, res)).listen(config.port, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const calls = { intakes: [], callbacks: [] };
let backend = 'http://127.0.0.1:9';

const connector = countersign({
  provider: () => provider,
  // Which backend that is turns out when it has started, because its configuration names this issuer.
  intake: `http://127.0.0.1:9/connectors/${config.name}/requests`,
  secret: config.secret,
  async fetch(url, init) {
    const answer = await globalThis.fetch(new URL(url.pathname, backend), init);
    if (config.measured) return answer;
    calls.intakes.push({ headers: init.headers, body: init.body, status: answer.status });
    return answer;
  },
});

const ciba = { client_secret: config.clientSecret, grant_types: [CIBA], response_types: [], redirect_uris: [], id_token_signed_response_alg: 'ES256' };
const provider = new Provider(issuer, {
  ...(config.measured ? {} : { adapter: journalIn(config.folder) }),
  jwks: kept('keys.json', () => ({ keys: [signingKey()] })),
  cookies: { keys: kept('cookies.json', () => [randomBytes(32).toString('base64url')]) },
  clients: [
    { ...ciba, client_id: 'shop', client_name: 'Demo Shop', backchannel_token_delivery_mode: 'poll' },
    ...(config.ping
      ? [{ ...ciba, client_id: 'shop-ping', backchannel_token_delivery_mode: 'ping', backchannel_client_notification_endpoint: config.ping }]
      : []),
    {
      client_id: 'countersign-app',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  // An ID token says how and when the person was authenticated.
  claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], profile: ['name'] },
  conformIdTokenClaims: false,
  findAccount: async (_, sub) => config.people.includes(sub) && { accountId: sub, claims: async () => ({ sub, name: `${sub} of ${config.name}` }) },
  // Signing in to the app is all the app asks for: there is nothing to consent to.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope(ctx.oidc.params.scope);
    await grant.save();
    return grant;
  },
  ttl: {
    BackchannelAuthenticationRequest: (ctx) => Math.min(config.ttl, Number(ctx?.oidc?.params?.requested_expiry ?? config.ttl)),
    AccessToken: 300, AuthorizationCode: 60, Grant: 600, IdToken: 300, Interaction: 300, Session: 300,
  },
  // oidc-provider calls nobody on loopback; the client of the stories is there.
  fetch: (url, init) => globalThis.fetch(url, { ...init, dispatcher: undefined }),
  features: {
    ciba: {
      enabled: true,
      deliveryModes: ['poll', 'ping'],
      processLoginHint: async (_, hint) => config.people.find((sub) => sub === hint),
      processLoginHintToken: async () => undefined,
      validateRequestContext: async () => {},
      verifyUserCode: async () => {},
      triggerAuthenticationDevice: connector.triggerAuthenticationDevice,
    },
  },
});
for (const event of ['server_error', 'backchannel_authentication.error']) provider.on(event, (_, error) => console.error(event, error, error.cause));
provider.on('countersign.error', (error) => console.error('countersign.error', error));
const rest = provider.callback();

handler = async (req, res) => {
  if (req.url === '/countersign/callback') {
    req.rawBody = Buffer.concat(await req.toArray());
    const { headers } = req;
    res.once('finish', () => calls.callbacks.push({ headers, body: String(req.rawBody), status: res.statusCode }));
    return connector.handler(req, res);
  }
  if (req.url === '/story/backend') {
    backend = Buffer.concat(await req.toArray()).toString();
    return res.writeHead(204).end();
  }
  if (req.url === '/story/calls') return res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(calls));
  return rest(req, res);
};
console.log(`listening on ${issuer}`);

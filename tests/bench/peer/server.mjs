// Minimal CIBA OP peer on npm oidc-provider (poll + ping), loopback only: the provider that our clients and our load generator meet beside ours.
// env: PORT=4000 (0 takes a free one) ISSUER AUTO=0|1 (complete inside triggerAuthenticationDevice) HOOK_URL (POST Keycloak-shaped
//      decoupled request, expects 201) ID_ALG=RS256|ES256  TTL=120  CLIENTS_JSON (extra clients)
//      TLS_CERT/TLS_KEY (serve https), NOTIFY_URL (ping client's endpoint)
// POST /hook/complete?action=approve|deny with one of auth_req_id=, binding_message=, login_hint= (the newest that matches) takes the place of the person.
import http from 'node:http';
import https from 'node:https';
import fs from 'node:fs';
import crypto from 'node:crypto';
import { once } from 'node:events';
import { Provider, errors } from 'oidc-provider';

// The issuer contains the port, so the socket is opened before there is a provider to answer on it.
let handler = (req, res) => res.writeHead(503).end();
const scheme = process.env.TLS_CERT ? 'https' : 'http';
const srv = process.env.TLS_CERT
  ? https.createServer({ cert: fs.readFileSync(process.env.TLS_CERT), key: fs.readFileSync(process.env.TLS_KEY) }, (req, res) => handler(req, res))
  : http.createServer((req, res) => handler(req, res));
srv.keepAliveTimeout = 60000;
srv.listen(+(process.env.PORT ?? 4000), '127.0.0.1');
await once(srv, 'listening');
const ISSUER = process.env.ISSUER ?? `${scheme}://127.0.0.1:${srv.address().port}`;
const AUTO = process.env.AUTO === '1';
const HOOK_URL = process.env.HOOK_URL;
const TTL = +(process.env.TTL ?? 120);
const ID_ALG = process.env.ID_ALG ?? 'RS256';

// --- Map adapter (the built-in MemoryAdapter is an LRU of 1000 entries: it evicts under load) ---
const store = new Map();
const exp = new Map();
const byGrant = new Map();
const GRACE = 60; // seconds that something expired is still known, so that it is answered with expired_token and not with invalid_grant
class MapAdapter {
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload, expiresIn) {
    const k = this.key(id);
    store.set(k, payload);
    if (expiresIn) exp.set(k, Date.now() + (expiresIn + GRACE) * 1000);
    if (payload.grantId) {
      let s = byGrant.get(payload.grantId); if (!s) byGrant.set(payload.grantId, s = new Set());
      s.add(k);
    }
  }
  async find(id) {
    const k = this.key(id); const e = exp.get(k);
    if (e !== undefined && e < Date.now()) { store.delete(k); exp.delete(k); return undefined; }
    return store.get(k);
  }
  async findByUid() {} async findByUserCode() {}
  async consume(id) { const p = store.get(this.key(id)); if (p) p.consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { store.delete(this.key(id)); exp.delete(this.key(id)); }
  async revokeByGrantId(g) { for (const k of byGrant.get(g) ?? []) { store.delete(k); exp.delete(k); } byGrant.delete(g); }
}
setInterval(() => { const n = Date.now(); for (const [k, e] of exp) if (e < n) { exp.delete(k); store.delete(k); } }, 30000).unref();

function jwk(kty) {
  const { privateKey } = kty === 'RSA'
    ? crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
    : crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: kty, alg: kty === 'RSA' ? 'RS256' : 'ES256' };
}
const jwks = { keys: [jwk('RSA'), jwk('EC')] };

const CIBA = 'urn:openid:params:grant-type:ciba';
const base = {
  client_secret: 's3cret-s3cret-s3cret-s3cret-s3cret', grant_types: [CIBA, 'refresh_token'], response_types: [], redirect_uris: [],
  backchannel_token_delivery_mode: 'poll', token_endpoint_auth_method: 'client_secret_basic', id_token_signed_response_alg: ID_ALG,
};
const clients = [
  { ...base, client_id: 'load' },
  { ...base, client_id: 'load-rs', id_token_signed_response_alg: 'RS256' },
  { ...base, client_id: 'load-es', id_token_signed_response_alg: 'ES256' },
  { ...base, client_id: 'load-ping', backchannel_token_delivery_mode: 'ping', backchannel_client_notification_endpoint: process.env.NOTIFY_URL ?? 'https://127.0.0.1:4443/cb' },
  { ...base, client_id: 'load-usercode', backchannel_user_code_parameter: true },
  ...JSON.parse(process.env.CLIENTS_JSON ?? '[]'),
];

let provider;
const channelTokens = new Map(); // bearer -> auth_req_id (Keycloak-shaped callback)
const recent = []; // the last 100 requests, newest first: who was asked and with which message
function named(query) {
  const id = query.get('auth_req_id');
  if (id) return id;
  for (const name of ['binding_message', 'login_hint']) {
    if (query.has(name)) return recent.find((r) => r[name] === query.get(name))?.id;
  }
}
async function complete(id, action, { amr, acr } = {}) {
  const req = id && await provider.BackchannelAuthenticationRequest.find(id, { ignoreExpiration: true });
  if (!req) throw Object.assign(new Error('unknown auth_req_id'), { status: 404 });
  if (action === 'deny') return provider.backchannelResult(req, new errors.AccessDenied('end-user denied the request'));
  const grant = new provider.Grant({ accountId: req.accountId, clientId: req.clientId });
  grant.addOIDCScope(req.scope);
  await grant.save();
  return provider.backchannelResult(req, grant, { amr: amr ?? ['hwk', 'user'], acr, authTime: Math.floor(Date.now() / 1000) });
}

provider = new Provider(ISSUER, {
  adapter: MapAdapter,
  ...(process.env.AUTH0_ROUTES ? { routes: { backchannel_authentication: '/bc-authorize', token: '/oauth/token' } } : {}),
  clients, jwks,
  clientDefaults: { grant_types: [CIBA], response_types: [], redirect_uris: [] },
  findAccount: async (ctx, sub) => (sub.startsWith('unknown') ? undefined : { accountId: sub, claims: async () => ({ sub }) }),
  ttl: { BackchannelAuthenticationRequest: (ctx) => Math.min(TTL, +(ctx?.oidc?.params?.requested_expiry ?? TTL)), AccessToken: 300, IdToken: 300, RefreshToken: 600, Grant: 600 },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  fetch: (url, opts) => { delete opts.dispatcher; return globalThis.fetch(url, opts); }, // loopback ping: drop the SSRF dispatcher
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    requestObjects: { enabled: true },
    ciba: {
      enabled: true,
      deliveryModes: ['poll', 'ping'],
      processLoginHint: async (ctx, h) => { if (h.startsWith('{')) { try { h = JSON.parse(h).sub; } catch { throw new errors.InvalidRequest('bad login_hint'); } } return h.startsWith('unknown') ? undefined : h; },
      processLoginHintToken: async () => undefined,
      validateBindingMessage: async (ctx, m) => { if (m !== undefined && !/^[\w\-.+/!?# ]{1,50}$/.test(m)) throw new errors.InvalidBindingMessage('bad binding_message'); },
      validateRequestContext: async () => {},
      verifyUserCode: async (ctx, account, code) => {
        if (!ctx.oidc.client.backchannelUserCodeParameter) return;
        if (code === undefined) throw new errors.MissingUserCode('user_code required');
        if (code !== '4242') throw new errors.InvalidUserCode('wrong user_code');
      },
      triggerAuthenticationDevice: async (ctx, request, account, client) => {
        recent.unshift({ id: request.jti, login_hint: account.accountId, binding_message: request.params.binding_message });
        recent.length = Math.min(recent.length, 100);
        if (AUTO) setImmediate(() => complete(request.jti, 'approve').catch((e) => console.error('auto', e.message)));
        if (HOOK_URL) {
          const token = crypto.randomBytes(32).toString('base64url');
          channelTokens.set(token, request.jti);
          const r = await globalThis.fetch(HOOK_URL, {
            method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
            body: JSON.stringify({ login_hint: account.accountId, scope: request.scope, is_consent_required: true, binding_message: request.params.binding_message, acr_values: request.params.acr_values }),
          });
          if (r.status !== 201) throw new Error(`channel answered ${r.status}`);
        }
      },
    },
  },
});
provider.on('server_error', (ctx, err) => console.error('server_error', err.message));
if (process.env.DEBUG) provider.on('backchannel_authentication.error', (ctx, err) => console.error('bca.error', err.message, err.error_description));

const cb = provider.callback();
handler = async (req, res) => {
  const u = new URL(req.url, ISSUER);
  try {
    if (u.pathname === '/hook/complete') {
      req.resume();
      await complete(named(u.searchParams), u.searchParams.get('action') ?? 'approve');
      res.writeHead(204).end();
    } else if (u.pathname === '/ext/ciba/auth/callback' && req.method === 'POST') { // Keycloak-shaped
      let b = ''; for await (const c of req) b += c;
      const token = (req.headers.authorization ?? '').replace(/^Bearer /, '');
      const id = channelTokens.get(token);
      if (!id) return void res.writeHead(token ? 403 : 401, { 'content-type': 'application/json' }).end('{"error":"invalid_token"}');
      const { status } = JSON.parse(b);
      if (!['SUCCEED', 'UNAUTHORIZED', 'CANCELLED'].includes(status)) return void res.writeHead(400).end('{"error":"invalid_request"}');
      channelTokens.delete(token);
      await complete(id, status === 'SUCCEED' ? 'approve' : 'deny');
      res.writeHead(200, { 'content-type': 'application/json' }).end();
    } else if (u.pathname === '/hook/stats') {
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ rss: process.memoryUsage().rss, entries: store.size }));
    } else cb(req, res);
  } catch (e) { res.writeHead(e.status ?? 500, { 'content-type': 'application/json' }).end(JSON.stringify({ error: e.message })); }
};
console.log(`node-oidc-provider CIBA peer of ${ISSUER}, listening on ${scheme}://127.0.0.1:${srv.address().port} pid ${process.pid}`);

// A client that is called: it asks one person, and waits until the provider calls its notification endpoint. In ping mode it fetches the result then.
//
//   MODE=push PORT=8443 TLS_CERT=cert.pem TLS_KEY=key.pem ISSUER=... CLIENT_ID=... CLIENT_SECRET=... LOGIN_HINT=anna node examples/called.mjs
//
// The client is registered with that mode and with https://HOST:PORT/ciba as its notification endpoint.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { createRemoteJWKSet } from 'jose';
import * as client from 'openid-client';
import { CIBA_GRANT, notificationEndpoint } from './notifications.mjs';
import { readConfig } from '../src/config.mjs';

const config = readConfig(process.env);
const mode = process.env.MODE === 'push' ? 'push' : 'ping';
const provider = await client.discovery(config.issuer, config.clientId, undefined, client.ClientSecretBasic(config.clientSecret), {
  execute: [client.enableNonRepudiationChecks, ...(config.insecure ? [client.allowInsecureRequests] : [])],
});
const { issuer, jwks_uri } = provider.serverMetadata();

/** What was asked: in a real client a table that survives a restart, because the provider calls again. */
const requests = new Map();

function settle(auth_req_id, result) {
  // The second call about the same request finds nothing to do.
  if (requests.get(auth_req_id)?.settled) return;
  requests.get(auth_req_id).settled = true;
  console.log(JSON.stringify(result));
  server.close();
}

const endpoint = notificationEndpoint({
  issuer,
  clientId: config.clientId,
  keys: createRemoteJWKSet(new URL(jwks_uri)),
  find: (auth_req_id) => requests.get(auth_req_id),
  onPing: (auth_req_id) => {
    // The provider need not wait for this; what goes wrong here is ours to repeat.
    const tokens = client.genericGrantRequest(provider, CIBA_GRANT, { auth_req_id });
    tokens.then(
      (answer) => settle(auth_req_id, { tokens: true, sub: answer.claims().sub }),
      (error) => settle(auth_req_id, { error: error.error ?? error.message }),
    );
  },
  onTokens: (auth_req_id, { claims }) => settle(auth_req_id, { tokens: true, sub: claims.sub }),
  onError: (auth_req_id, { error }) => settle(auth_req_id, { error }),
  onInvalid: (_, error) => console.error(`tokens that cannot be trusted: ${error.message}`),
});

const tls = { cert: readFileSync(process.env.TLS_CERT), key: readFileSync(process.env.TLS_KEY) };
const server = createServer(tls, (request, response) => {
  if (request.url === '/ciba') return endpoint(request, response);
  return response.writeHead(404).end();
});
server.listen(config.port, process.env.HOST ?? '127.0.0.1');
await once(server, 'listening');

// 256 random bits, made anew for each request: whoever presents them at the endpoint is the provider that was asked.
const token = randomBytes(32).toString('base64url');
const { auth_req_id } = await client.initiateBackchannelAuthentication(provider, {
  scope: 'openid',
  login_hint: config.loginHint,
  client_notification_token: token,
});
requests.set(auth_req_id, { mode, token, settled: false });
console.log('{"asked":true}');

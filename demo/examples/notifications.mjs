// A client's notification endpoint: the provider calls it when a request has a result (CIBA Core sections 10.2, 10.3 and 12).
// Node's http or https server takes it as it is. Behind a proxy that ends TLS, see that the proxy answers no redirects.
import { createHash, timingSafeEqual } from 'node:crypto';
import { jwtVerify } from 'jose';

/** The grant of CIBA Core section 10.1, by which a client fetches what it was pinged about. */
export const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
const MOST_BYTES = 64 * 1024;
const AUTH_REQ_ID = 'urn:openid:params:jwt:claim:auth_req_id';
const RT_HASH = 'urn:openid:params:jwt:claim:rt_hash';

/** Thrown for a call that is not what it has to be. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Answers the provider's calls.
 *
 * - `issuer`, `clientId`, `algorithm`: what ID tokens have to say, and the one algorithm that this client registered (ES256 if it named none)
 * - `keys`: the provider's keys, `createRemoteJWKSet(new URL(jwks_uri))` of jose
 * - `find(auth_req_id)`: what was kept of the request: `{ mode: 'ping' | 'push', token }`, token being its client_notification_token; nothing for an unknown one
 * - `onPing(auth_req_id)`: there is a result, fetch it at the token endpoint
 * - `onTokens(auth_req_id, { tokens, claims })`, `onError(auth_req_id, { error, error_description })`: the result
 * - `onInvalid(auth_req_id, error)`: tokens that cannot be trusted; they were not delivered
 *
 * A call can come twice, when the first answer was lost: the handlers must not mind. The provider hears that all went well when they are done, so that
 * nothing is lost when this program dies in them; when one throws, the provider tries again.
 */
export function notificationEndpoint({ issuer, clientId, algorithm = 'ES256', keys, find, onPing, onTokens, onError, onInvalid }) {
  async function handle(request) {
    if (request.method !== 'POST') throw new Refused(405, 'only POST');
    const body = await readJson(request);
    const known = typeof body.auth_req_id === 'string' ? await find(body.auth_req_id) : undefined;
    // Whoever does not have the token of this very request is not the provider. One answer, so that nobody learns which requests there are.
    if (!known || !isBearer(request.headers.authorization, known.token)) throw new Refused(401, 'not the token of this request');
    if (known.mode === 'ping') return onPing(body.auth_req_id);
    if (typeof body.error === 'string') return onError(body.auth_req_id, body);
    let claims;
    try {
      claims = await verified(body);
    } catch (error) {
      await onInvalid?.(body.auth_req_id, error);
      throw new Refused(400, 'the tokens cannot be verified');
    }
    return onTokens(body.auth_req_id, { tokens: body, claims });
  }

  /** The claims of the ID token, after it vouched for everything that came with it. */
  async function verified({ auth_req_id, id_token, access_token, refresh_token }) {
    // OpenID Connect Core section 3.1.3.7: signature by the provider, made for us alone, and not over.
    const { payload, protectedHeader } = await jwtVerify(id_token, keys, {
      issuer,
      audience: clientId,
      algorithms: [algorithm],
      requiredClaims: ['sub', 'iat', 'exp'],
    });
    const audiences = [payload.aud].flat();
    check(audiences.length === 1 && (payload.azp ?? clientId) === clientId, 'the ID token is for others, too');
    // CIBA Core section 10.3.1: the ID token belongs to this request, and access and refresh token belong to the ID token.
    check(payload[AUTH_REQ_ID] === auth_req_id, 'the ID token is of another request');
    check(payload.at_hash === halfHash(protectedHeader.alg, access_token), 'the access token is not the one of the ID token');
    if (refresh_token !== undefined) {
      check(payload[RT_HASH] === halfHash(protectedHeader.alg, refresh_token), 'the refresh token is not the one of the ID token');
    }
    return payload;
  }

  return async (request, response) => {
    let status = 204;
    try {
      await handle(request);
    } catch (error) {
      // 4xx tells the provider to give up (it revokes tokens that it could not deliver), 500 to try again.
      status = error instanceof Refused ? error.status : 500;
    }
    // Never a redirect: a provider does not follow it.
    response.writeHead(status, { 'cache-control': 'no-store', ...(status === 401 && { 'www-authenticate': 'Bearer' }) }).end();
  };
}

function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/** Compares in constant time; digests, because their lengths do not differ. */
function isBearer(authorization, token) {
  const [scheme, presented, ...more] = (authorization ?? '').split(' ');
  if (scheme.toLowerCase() !== 'bearer' || !presented || more.length > 0) return false;
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(token));
}

/** base64url of the left half of the token's hash, by the algorithm that signed the ID token (OpenID Connect Core section 3.1.3.6). */
function halfHash(algorithm, token) {
  const bits = /^(?:ES|PS|RS)(256|384|512)$/.exec(algorithm)?.[1] ?? '512'; // Ed25519 hashes with SHA-512
  const hash = createHash(`sha${bits}`).update(token, 'ascii').digest();
  return hash.subarray(0, hash.length / 2).toString('base64url');
}

async function readJson(request) {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) throw new Refused(415, 'only JSON');
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Refused(413, 'too long');
    chunks.push(chunk);
  }
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (body !== null && typeof body === 'object') return body;
  } catch {
    // Said below.
  }
  throw new Refused(400, 'not a JSON object');
}

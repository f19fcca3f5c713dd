// The client's side of a request: how it authenticates, what it signs, and whether the ID token it got is good.
import crypto from 'node:crypto';
import fs from 'node:fs';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const FORM = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

// How node signs and verifies what JWA calls `alg`, with `key`.
function jwa(alg, key) {
  if (alg.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' };
  if (!alg.startsWith('PS')) return key;
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = crypto.constants;
  return { key, padding, saltLength };
}

/** A client that the options describe; `issuer` is whom its assertions are for. */
export class Client {
  #options;
  #issuer;
  #key;
  #basic;

  constructor(options, issuer) {
    this.#options = options;
    this.#issuer = issuer;
    if (options.key) {
      const text = fs.readFileSync(options.key, 'utf8');
      this.#key = crypto.createPrivateKey(options.key.endsWith('.pem') ? text : { key: JSON.parse(text), format: 'jwk' });
    }
    const pair = [options.client, options.secret].map(encodeURIComponent).join(':');
    this.#basic = `Basic ${Buffer.from(pair).toString('base64')}`;
  }

  /** Headers and body of a form with the client's credentials. */
  authenticated(params) {
    const { auth, client, secret } = this.#options;
    const headers = { ...FORM };
    let all = params;
    if (auth === 'client_secret_basic') headers.authorization = this.#basic;
    else if (auth === 'client_secret_post') all = { ...params, client_id: client, client_secret: secret };
    else if (auth === 'none') all = { ...params, client_id: client };
    else if (auth === 'private_key_jwt') {
      const claims = { iss: client, sub: client, aud: this.#issuer, jti: crypto.randomUUID(), ...lifetime(60) };
      all = { ...params, client_id: client, client_assertion_type: ASSERTION_TYPE, client_assertion: this.#sign(claims) };
    } else throw new Error(`--auth ${auth} is none`);
    let body = '';
    for (const name in all) {
      if (all[name] !== undefined && all[name] !== '') body += `${body ? '&' : ''}${name}=${encodeURIComponent(all[name])}`;
    }
    return { headers, body };
  }

  /** The parameters as one signed authentication request (CIBA Core section 7.1.1). */
  asRequestObject(params) {
    const { iat, exp } = lifetime(300);
    const claims = { iss: this.#options.client, aud: this.#issuer, iat, nbf: iat, exp, jti: crypto.randomUUID() };
    for (const name in params) if (params[name] !== undefined && params[name] !== '') claims[name] = params[name];
    return { request: this.#sign(claims) };
  }

  /** Whether an ID token verifies with one of `keys` and is for this client. */
  accepts(idToken, keys) {
    const [head, payload, signature] = idToken.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url'));
    const claims = JSON.parse(Buffer.from(payload, 'base64url'));
    const jwk = keys.find((one) => (!header.kid || one.kid === header.kid) && (!one.alg || one.alg === header.alg));
    if (!jwk) return false;
    const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
    const hash = header.alg === 'EdDSA' ? null : `sha${header.alg.slice(2)}`;
    const signed = Buffer.from(`${head}.${payload}`);
    return (
      crypto.verify(hash, signed, jwa(header.alg, key), Buffer.from(signature, 'base64url')) &&
      claims.iss === this.#issuer &&
      [].concat(claims.aud).includes(this.#options.client) &&
      claims.exp * 1000 > Date.now() &&
      Boolean(claims.sub)
    );
  }

  #sign(claims) {
    const { alg, kid } = this.#options;
    const input = `${b64({ alg, typ: 'JWT', ...(kid && { kid }) })}.${b64(claims)}`;
    return `${input}.${crypto.sign(`sha${alg.slice(2)}`, Buffer.from(input), jwa(alg, this.#key)).toString('base64url')}`;
  }
}

function lifetime(seconds) {
  const iat = Math.floor(Date.now() / 1000);
  return { iat, exp: iat + seconds };
}

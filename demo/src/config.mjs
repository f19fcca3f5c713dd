// The environment is read here and nowhere else.

/** Thrown for a setting that cannot work; the message names it. */
export class ConfigError extends Error {}

const number = (env, name, fallback, min, max) => {
  const value = Number(env[name] ?? fallback);
  if (!Number.isInteger(value) || value < min || value > max) throw new ConfigError(`${name} must be a whole number from ${min} to ${max}`);
  return value;
};

const isLoopback = (hostname) => hostname === '127.0.0.1' || hostname === '[::1]';

/** Reads the demo's settings. The README lists them. */
export function readConfig(env) {
  for (const name of ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET']) {
    if (!env[name]) throw new ConfigError(`${name} is not set`);
  }
  if (!URL.canParse(env.ISSUER)) throw new ConfigError('ISSUER must be a URL');
  const issuer = new URL(env.ISSUER);
  // A client secret and tokens travel on this connection. Plain http is for a provider on the same machine.
  const insecure = issuer.protocol === 'http:' && isLoopback(issuer.hostname);
  if (issuer.protocol !== 'https:' && !insecure) throw new ConfigError('ISSUER must be https, or http on 127.0.0.1');
  return {
    issuer,
    insecure,
    clientId: env.CLIENT_ID,
    clientSecret: env.CLIENT_SECRET,
    port: number(env, 'PORT', 0, 0, 65535),
    loginHint: env.LOGIN_HINT ?? '',
    requestedExpiry: number(env, 'REQUESTED_EXPIRY', 120, 1, 3600),
    scope: env.SCOPE ?? 'openid profile',
    paymentScope: env.PAYMENT_SCOPE ?? 'openid profile payment',
  };
}

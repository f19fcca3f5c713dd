// Auth0's SDK for servers as the client, unchanged: it discovers, asks and polls by itself. The person is named by `sub`.
import { setTimeout as delay } from 'node:timers/promises';
import { AuthClient } from '@auth0/auth0-auth-js';
import { decodeJwt } from 'jose';
import { readConfig, report, started } from './story.mjs';

const config = readConfig();
const auth0 = new AuthClient({ domain: new URL(config.issuer).host, clientId: config.client_id, clientSecret: config.client_secret });

const request = {
  bindingMessage: config.binding_message,
  loginHint: { sub: config.sub },
  requestedExpiry: config.requested_expiry,
  authorizationParams: { scope: config.scope ?? 'openid' },
};

// Its own loop gives up by its own clock when the time is over; to hear what the provider says then, the two calls are made one by one.
async function tooLate() {
  const { authReqId, expiresIn } = await auth0.initiateBackchannelAuthentication(request);
  started();
  await delay(expiresIn * 1000 + 500);
  return auth0.backchannelAuthenticationGrant({ authReqId });
}

async function asUsual() {
  const asked = auth0.backchannelAuthentication(request);
  // The SDK does not say when the person may be asked to decide; whoever decides waits for the request at the device.
  started();
  return asked;
}

await report(config, async () => {
  try {
    const tokens = await (config.story === 'expiry' ? tooLate() : asUsual());
    return { claims: decodeJwt(tokens.idToken) };
  } catch (error) {
    throw error.cause ?? error;
  }
});

// oauth4webapi as the client: every step by hand, so that the timing of the polls is ours.
import { setTimeout as delay } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import { clientKey, notificationEndpoint, readConfig, report, requestParameters, started } from './story.mjs';

const config = readConfig();
const issuer = new URL(config.issuer);
const client = { client_id: config.client_id };
const insecure = { [oauth.allowInsecureRequests]: issuer.protocol === 'http:' };

async function authentication() {
  if (config.client_jwk) return oauth.PrivateKeyJwt(await clientKey(config));
  return config.auth === 'client_secret_post' ? oauth.ClientSecretPost(config.client_secret) : oauth.ClientSecretBasic(config.client_secret);
}

await report(config, async () => {
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const auth = await authentication();
  const endpoint = config.story === 'ping' ? await notificationEndpoint() : undefined;
  const parameters = { ...requestParameters(config), ...(endpoint && { client_notification_token: endpoint.token }) };
  const asked = await oauth.backchannelAuthenticationRequest(as, client, auth, parameters, insecure);
  const { auth_req_id: authReqId, interval: named = 5 } = await oauth.processBackchannelAuthenticationResponse(as, client, asked);
  const tooFast = config.story === 'poll-too-fast';
  if (!tooFast) started();
  if (endpoint && (await endpoint.called) !== authReqId) throw new Error('called for another request');

  let interval = named;
  let slowDowns = 0;
  for (;;) {
    // Without a pause until the provider objects, with the pause it asked for from then on.
    await delay(tooFast && slowDowns === 0 ? 100 : interval * 1000);
    const response = await oauth.backchannelAuthenticationGrantRequest(as, client, auth, authReqId, insecure);
    try {
      const tokens = await oauth.processBackchannelAuthenticationGrantResponse(as, client, response);
      await oauth.validateApplicationLevelSignature(as, response, insecure);
      return { claims: oauth.getValidatedIdTokenClaims(tokens), slowDowns };
    } catch (error) {
      if (error.error === 'slow_down') {
        slowDowns += 1;
        interval += 5;
        if (slowDowns === 1 && tooFast) started();
      } else if (error.error !== 'authorization_pending') {
        throw error;
      }
    }
  }
});

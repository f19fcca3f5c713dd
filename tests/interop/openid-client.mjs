// openid-client as the client: discovery, client authentication, its own polling loop, ID token with signature.
import * as client from 'openid-client';
import { clientKey, notificationEndpoint, readConfig, report, requestParameters, started } from './story.mjs';

const config = readConfig();
let slowDowns = 0;

async function authentication() {
  if (config.client_jwk) return client.PrivateKeyJwt(await clientKey(config));
  return config.auth === 'client_secret_post' ? client.ClientSecretPost(config.client_secret) : client.ClientSecretBasic(config.client_secret);
}

/** Looks at every answer on its way in, because the library's loop tells nothing about slow_down. */
async function watchingFetch(url, options) {
  const response = await fetch(url, options);
  if (response.status === 400 && (await response.clone().json()).error === 'slow_down') {
    slowDowns += 1;
    if (slowDowns === 1 && config.story === 'poll-too-fast') started();
  }
  return response;
}

await report(config, async () => {
  const issuer = new URL(config.issuer);
  const provider = await client.discovery(issuer, config.client_id, undefined, await authentication(), {
    [client.customFetch]: watchingFetch,
    timeout: 35,
    execute: [client.enableNonRepudiationChecks, ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [])],
  });
  const endpoint = config.story === 'ping' ? await notificationEndpoint() : undefined;
  const parameters = { ...requestParameters(config), ...(endpoint && { client_notification_token: endpoint.token }) };
  const acknowledgement = await client.initiateBackchannelAuthentication(provider, parameters);
  if (config.story === 'poll-too-fast') {
    // The second poll comes a tenth of a second after the first.
    acknowledgement.interval = 0.1;
  } else {
    started();
  }
  if (endpoint && (await endpoint.called) !== acknowledgement.auth_req_id) throw new Error('called for another request');
  // Its own deadline would end the loop before the provider can say `expired_token`.
  const signal = AbortSignal.timeout((acknowledgement.expires_in + 60) * 1000);
  const tokens = await client.pollBackchannelAuthenticationGrant(provider, acknowledgement, undefined, { signal });
  return { claims: tokens.claims(), slowDowns };
});

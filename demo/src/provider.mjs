// The OpenID Provider, as openid-client sees it.
import * as client from 'openid-client';

// A provider may hold a poll open for 30 seconds (long polling), so the client waits a little longer than that.
const TIMEOUT_SECONDS = 35;

/** Reads the provider's metadata and says who we are. Throws when the provider cannot do what the demo needs. */
export async function discover({ issuer, clientId, clientSecret, insecure }) {
  const provider = await client.discovery(issuer, clientId, undefined, client.ClientSecretBasic(clientSecret), {
    timeout: TIMEOUT_SECONDS,
    // Without this line openid-client trusts TLS alone for ID tokens that come straight from the token endpoint.
    // With it, the signature is checked against the provider's published keys, too.
    execute: [client.enableNonRepudiationChecks, ...(insecure ? [client.allowInsecureRequests] : [])],
  });
  const metadata = provider.serverMetadata();
  if (!metadata.backchannel_authentication_endpoint) throw new Error(`${issuer} offers no backchannel authentication`);
  if (!metadata.backchannel_token_delivery_modes_supported?.includes('poll')) throw new Error(`${issuer} does not let clients poll`);
  return provider;
}

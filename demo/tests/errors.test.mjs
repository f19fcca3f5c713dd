// What the demo makes of refusals as they come over the wire: openid-client is real, only its `fetch` answers from here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { Approvals } from '../src/approvals.mjs';
import { tokenRequest, understand } from '../src/poll.mjs';

const ISSUER = 'https://op.example';

/** A provider that answers every request with `status` and `error`. */
function providerThatSays(error, status) {
  const metadata = { issuer: ISSUER, token_endpoint: `${ISSUER}/token`, backchannel_authentication_endpoint: `${ISSUER}/bc-authorize` };
  const provider = new client.Configuration(metadata, 'shop', undefined, client.ClientSecretBasic('s'));
  provider[client.customFetch] = async () => Response.json({ error, error_description: 'no' }, { status });
  return provider;
}

async function understood(error, status) {
  const thrown = await tokenRequest(providerThatSays(error, status), 'id')().then(assert.fail, (reason) => reason);
  const { type, state, code } = understand(thrown, 0);
  return type ?? [state, code];
}

const meanings = {
  authorization_pending: 'pending',
  slow_down: 'slow_down',
  access_denied: ['denied', 'access_denied'],
  expired_token: ['expired', 'expired_token'],
  invalid_grant: ['failed', 'invalid_grant'],
  unauthorized_client: ['failed', 'unauthorized_client'],
};

test('the error decides at the token endpoint, whatever the status', async () => {
  for (const [error, meaning] of Object.entries(meanings)) {
    for (const status of [400, 401, 403]) {
      assert.deepEqual(await understood(error, status), meaning, `R-134: ${error} with ${status}`);
    }
  }
});

test('the error decides at the backchannel authentication endpoint, whatever the status', async () => {
  for (const error of ['unknown_user_id', 'invalid_binding_message', 'access_denied', 'unauthorized_client', 'invalid_client']) {
    for (const status of [400, 401, 403]) {
      const config = { scope: 'openid', paymentScope: 'openid', requestedExpiry: 60 };
      const started = new Approvals(providerThatSays(error, status), config).start('shop', { login_hint: 'anna' });
      await assert.rejects(started, { code: error }, `R-134: ${error} with ${status}`);
    }
  }
});

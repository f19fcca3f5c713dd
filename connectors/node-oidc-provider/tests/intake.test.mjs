// What the person's side is told when a client asks, and what the client is told when that fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { approved, newSecret, stage } from './stage.mjs';

test('a request reaches the intake signed and complete before the client has its answer', async (t) => {
  const it = await stage(t);
  const before = Date.now();
  const { status, body } = await it.ask({ binding_message: 'W4SCT', acr_values: 'urn:one urn:two', request_context: '{"device":"till 7"}', requested_expiry: '60' });
  assert.equal(status, 200);
  assert.equal(body.expires_in, 60);
  const [sent, ...more] = it.taken;
  assert.equal(more.length, 0, 'it is sent once');
  assert.ok(sent.verified, 'its signature is good to another implementation');
  assert.deepEqual([sent.method, sent.path, sent.headers['content-type']], ['POST', '/connectors/op/requests', 'application/json']);
  assert.ok(!JSON.stringify(sent).includes(body.auth_req_id), 'what the client redeems is between client and provider');
  const { id, expires_at, ...rest } = JSON.parse(sent.text);
  assert.match(id, /^[\w-]{60,512}$/, 'the request has a name of its own');
  assert.deepEqual(rest, {
    sub: 'anna',
    client: { id: 'shop', name: 'Demo Shop', uri: 'https://shop.example' },
    scope: 'openid profile',
    binding_message: 'W4SCT',
    acr_values: 'urn:one urn:two',
    context: { device: 'till 7' },
  });
  assert.ok(expires_at <= before + 60_000 && expires_at > before + 57_000, 'the person has until just before the provider gives up');
});

test('what is not there is not sent, and a client without a name is called by its id', async (t) => {
  const it = await stage(t);
  await it.asked({ scope: 'openid', request_context: 'not json' }, 'nameless');
  const { id, expires_at, ...rest } = JSON.parse(it.taken[0].text);
  assert.ok(id && expires_at);
  assert.deepEqual(rest, { sub: 'anna', client: { id: 'nameless', name: 'nameless' }, scope: 'openid' });
});

test('a number is typed, unless the operator says that messages are shown', async (t) => {
  const it = await stage(t, { bindingMode: (client) => (client.clientId === 'shop' ? 'auto' : 'show') });
  await it.asked({ binding_message: '471' });
  await it.asked({ binding_message: '471' }, 'nameless');
  const [typed, shown] = it.taken.map(({ text }) => JSON.parse(text));
  assert.deepEqual([typed.binding_code, typed.binding_message], ['471', undefined]);
  assert.deepEqual([shown.binding_code, shown.binding_message], [undefined, '471']);
});

test('where numbers are typed always, another message is refused and nobody is asked', async (t) => {
  const it = await stage(t, { bindingMode: 'type' });
  const { status, body } = await it.ask({ binding_message: 'W4SCT' });
  assert.deepEqual([status, body.error], [400, 'invalid_binding_message']);
  assert.equal(it.taken.length, 0);
});

test('authorization details are sent as the client wrote them, and granted', async (t) => {
  const it = await stage(t);
  const details = '[ {"type":"payment", "amount": 10.00, "big": 12345678901234567890} ]';
  const id = await it.asked({ authorization_details: details, resource: 'https://api.example' });
  assert.ok(it.taken[0].text.endsWith(`,"authorization_details":${details}}`), 'digit by digit');
  assert.equal((await it.say(approved(id))).status, 204);
  const stored = await it.provider.BackchannelAuthenticationRequest.find(id);
  assert.equal(stored.rar[0].type, 'payment', 'what was approved goes with the request');
  assert.equal((await it.provider.Grant.find(stored.grantId)).getResourceScope('https://api.example'), 'openid profile', 'for the API it is for');
});

test('the account is called as the sign-in of the app calls it', async (t) => {
  const it = await stage(t, { subject: (accountId) => `pairwise-${accountId}` });
  const id = await it.asked();
  assert.equal(JSON.parse(it.taken[0].text).sub, 'pairwise-anna');
  assert.equal((await it.say(approved(id))).status, 400, 'and so is who decided');
  assert.equal((await it.say(approved(id, { sub: 'pairwise-anna' }))).status, 204);
});

test('with several secrets the first one signs and all are taken', async (t) => {
  const secret = [newSecret(), newSecret()];
  const it = await stage(t, { secret });
  const id = await it.asked();
  assert.ok(it.taken[0].verified);
  assert.equal((await it.say(approved(id), { key: secret[1] })).status, 204);
});

/** Every way in which the person cannot be asked, with what the client hears. */
const FAILURES = {
  'refuses the signature': [() => [401, { code: 'invalid_signature' }], 503, 'temporarily_unavailable'],
  'is overloaded': [() => [503, { code: 'unavailable' }], 503, 'temporarily_unavailable'],
  'does not like the deadline': [() => [400, { code: 'invalid_body', field: 'expires_at' }], 503, 'temporarily_unavailable'],
  'answers 200': [() => [200, {}], 503, 'temporarily_unavailable'],
  'answers what is not JSON': [(_, res) => void res.writeHead(500).end('<html>'), 503, 'temporarily_unavailable'],
  'redirects': [(_, res) => void res.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(), 503, 'temporarily_unavailable'],
  'hangs up': [(req) => void req.socket.destroy(), 503, 'temporarily_unavailable'],
  'says nothing': [() => undefined, 503, 'temporarily_unavailable'],
  'knows that the person does not want this': [() => [403, { code: 'unwanted' }], 403, 'access_denied'],
  'does not take the message': [() => [400, { code: 'invalid_body', field: 'binding_message' }], 400, 'invalid_binding_message'],
  'does not take the details': [() => [400, { code: 'invalid_body', field: 'authorization_details' }], 400, 'invalid_authorization_details'],
  'does not take the context': [() => [400, { code: 'invalid_body', field: 'context.device' }], 400, 'invalid_request'],
};
for (const [what, [answer, status, error]] of Object.entries(FAILURES)) {
  test(`a client hears ${error} when the intake ${what}, and the request is gone`, async (t) => {
    const it = await stage(t, { timeout: 200 });
    it.answer = answer;
    const { status: found, body } = await it.ask({ binding_message: 'W4SCT' });
    assert.deepEqual([found, body.error], [status, error]);
    assert.ok(!JSON.stringify(body).includes('127.0.0.1'), 'the client learns nothing of the inside');
    assert.equal(it.refusals.length, 1, 'the operator hears of it');
    const { id } = JSON.parse(it.taken[0].text);
    assert.equal((await it.say(approved(id))).status, 404, 'a late approval finds nothing');
  });
}

test('a connection that was closed in the meantime costs a second try and nothing else', async (t) => {
  const it = await stage(t);
  const good = it.answer;
  it.answer = (req) => {
    it.answer = good;
    req.socket.destroy();
  };
  await it.asked();
  const [first, second, ...more] = it.taken;
  assert.equal(more.length, 0);
  assert.deepEqual([second.text, second.headers['webhook-id']], [first.text, first.headers['webhook-id']], 'it is the same message');
  assert.ok(second.verified);
});

test('options that cannot work are refused at the start', async (t) => {
  for (const wrong of [{ secret: 'secret' }, { secret: newSecret(16) }, { secret: newSecret(65) }, { secret: [] }]) {
    await assert.rejects(stage(t, wrong), TypeError, JSON.stringify(wrong));
  }
  for (const intake of ['http://countersign.example/x', 'http://localhost/x', 'ftp://127.0.0.1/x', 'x']) {
    await assert.rejects(stage(t, { intake }), TypeError, intake);
  }
  await assert.rejects(stage(t, { provider: {} }), TypeError);
});

// What becomes of a request when Countersign says its result.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { approved, claimsOf, newSecret, settled, stage } from './stage.mjs';

const denied = (id, more) => settled(id, 'denied', { reason: 'not_me', ...more });

/** Puts the end of request `id` into the past, in a store that keeps what is over. */
function end(it, id) {
  const { adapter } = it.provider.BackchannelAuthenticationRequest;
  const find = adapter.find.bind(adapter);
  adapter.find = async (wanted) => {
    const found = await find(wanted);
    return wanted === id && found ? { ...found, exp: Math.floor(Date.now() / 1000) - 1 } : found;
  };
}

for (const mountedBeside of [false, true]) {
  test(`an approval brings tokens that say how and when (${mountedBeside ? 'handler beside the provider' : 'Koa middleware'})`, async (t) => {
    const it = await stage(t, { mountedBeside });
    const id = await it.asked();
    assert.equal(await it.poll(id), 'authorization_pending');
    const answer = await it.say(approved(id));
    assert.deepEqual([answer.status, answer.text, answer.headers.get('cache-control')], [204, '', 'no-store']);
    const tokens = await it.poll(id);
    const { sub, acr, amr, auth_time } = claimsOf(tokens.id_token);
    assert.deepEqual({ sub, acr, amr, auth_time }, { sub: 'anna', acr: 'urn:countersign:hardware', amr: ['hwk', 'pin'], auth_time: 1_795_000_000 });
    assert.equal(tokens.scope, 'openid profile', 'what was asked for is granted');
    assert.equal(await it.poll(id), 'invalid_grant', 'once');
  });
}

test('a denial is access_denied, with its description', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  assert.equal((await it.say(denied(id))).status, 204);
  const { errorDescription } = await it.provider.BackchannelAuthenticationRequest.find(id);
  assert.equal(errorDescription, 'the end-user denied the request');
  assert.equal(await it.poll(id), 'access_denied');
});

test('an approval after the end of the request is gone, and brings no tokens; an expiry is no news', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  end(it, id);
  const answer = await it.say(approved(id));
  assert.deepEqual([answer.status, JSON.parse(answer.text).code], [410, 'expired']);
  assert.equal((await it.say(settled(id, 'expired'))).status, 204);
  assert.equal((await it.say(denied(id))).status, 410);
  assert.equal(await it.poll(id), 'expired_token');
});

test('a result that was recorded in time is answered the same after the end', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  assert.equal((await it.say(approved(id))).status, 204);
  end(it, id);
  assert.equal((await it.say(approved(id))).status, 204);
  assert.equal((await it.say(settled(id, 'expired'))).status, 409);
});

/** The first result wins; every second one, with what it is answered. */
for (const [first, second] of ['approved', 'denied', 'expired'].flatMap((a) => ['approved', 'denied', 'expired'].map((b) => [a, b]))) {
  test(`after ${first}, ${second} is ${first === second ? 'the same again' : 'refused'}`, async (t) => {
    const it = await stage(t);
    const say = (id, result) => it.say(result === 'approved' ? approved(id) : settled(id, result));
    const id = await it.asked();
    assert.equal((await say(id, first)).status, 204);
    assert.equal((await say(id, second)).status, first === second ? 204 : 409);
    const answer = await it.poll(id);
    const became = { approved: 'object', denied: 'access_denied', expired: 'expired_token' }[first];
    assert.equal(typeof answer === 'object' ? 'object' : answer, became, 'the first result wins');
    assert.equal((await say(id, second)).status, first === second ? 204 : 409, 'also after the client has redeemed');
    assert.equal(await it.poll(id), 'invalid_grant', 'and nothing is redeemed twice');
  });
}

test('of two results that come at once one wins', async (t) => {
  const it = await stage(t);
  for (let round = 0; round < 10; round++) {
    const id = await it.asked();
    const answers = await Promise.all([it.say(approved(id)), it.say(denied(id)), it.say(approved(id))]);
    const won = answers.map(({ status }) => status);
    const [yes, no, again] = won;
    assert.equal(yes, again, `the same result has the same answer: ${won}`);
    assert.deepEqual([yes, no].sort(), [204, 409], `${won}`);
    assert.equal(typeof (await it.poll(id)) === 'object', yes === 204, 'and it is what counts');
  }
});

/** V-013, S-092: whatever is wrong about a message, it is refused and the request waits on. */
const FORGERIES = {
  'another secret': (it, id) => it.say(approved(id), { key: newSecret() }),
  'an old message': (it, id) => it.say(approved(id), { at: new Date(Date.now() - 301_000) }),
  'a message of the future': (it, id) => it.say(approved(id), { at: new Date(Date.now() + 302_000) }),
  'a fresh time on an old signature': (it, id) =>
    it.say(approved(id), { at: new Date(Date.now() - 400_000), headers: { 'webhook-timestamp': `${Math.floor(Date.now() / 1000)}` } }),
  'another id on the signature': (it, id) => it.say(approved(id), { headers: { 'webhook-id': 'other' } }),
  'another body': (it, id) => it.say(denied(id), { sent: JSON.stringify(approved(id)) }),
  'no signature': (it, id) => it.say(approved(id), { headers: { 'webhook-signature': '' } }),
  'a signature of another kind': (it, id) => it.say(approved(id), { headers: { 'webhook-signature': 'v1a,AAAA' } }),
  'an empty signature': (it, id) => it.say(approved(id), { headers: { 'webhook-signature': 'v1,' } }),
  'no time': (it, id) => it.say(approved(id), { headers: { 'webhook-timestamp': '' } }),
  'a time that is no number': (it, id) => it.say(approved(id), { headers: { 'webhook-timestamp': 'NaN' } }),
};
for (const [what, forge] of Object.entries(FORGERIES)) {
  test(`V-013, S-092: ${what} is refused with 401 and changes nothing`, async (t) => {
    const it = await stage(t);
    const id = await it.asked();
    const answer = await forge(it, id);
    assert.equal(answer.status, 401, 'V-013');
    assert.equal(JSON.parse(answer.text).code, 'invalid_signature');
    assert.equal(await it.poll(id), 'authorization_pending', 'S-092: the request waits on');
  });
}

test('S-092: what we sent ourselves, sent back to us, is no result', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  const [{ text, headers }] = it.taken;
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const answer = await it.say(text, { headers: Object.fromEntries(names.map((name) => [name, headers[name]])) });
  assert.equal(answer.status, 400, 'S-092: the signature is good, the body is none of Countersign');
  assert.equal(await it.poll(id), 'authorization_pending');
});

test('V-012: a result of another person is refused', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  const answer = await it.say(approved(id, { sub: 'mallory' }));
  assert.deepEqual([answer.status, JSON.parse(answer.text).code], [400, 'wrong_sub'], 'V-012');
  assert.equal(await it.poll(id), 'authorization_pending', 'V-012: it is still for the person who was asked');
  assert.equal((await it.say(approved(id))).status, 204);
});

test('a signature that was good for one request is good for no other', async (t) => {
  const it = await stage(t);
  const [mine, other] = [await it.asked(), await it.asked()];
  assert.equal((await it.say(approved(mine), { sent: JSON.stringify(approved(other)) })).status, 401);
  assert.equal(await it.poll(other), 'authorization_pending');
});

test('an unknown request, a body that says nothing, and other methods are told so', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  const other = await stage(t);
  const elsewhere = JSON.stringify(approved(other.names.get(await other.asked())));
  const name = it.names.get(id);
  it.names.delete(id);
  // The `auth_req_id` itself is no name, nor is one that was changed or that another provider made.
  for (const unknown of ['nobody', id, `${name.slice(0, -2)}AA`, name.slice(0, 30)]) {
    assert.equal((await it.say(approved(unknown))).status, 404, unknown);
  }
  assert.equal((await it.say(elsewhere)).status, 404);
  const bodies = ['', '[]', 'null', '{', '"x"', settled(id, 'perhaps'), settled(7, 'approved'), approved(id, { type: 'other' }), approved(id, { amr: 'pin' })];
  for (const body of [...bodies, approved(id, { auth_time: '1' }), approved(id, { acr: 1 }), approved(id, { sub: '' })]) {
    assert.equal((await it.say(body)).status, 400, JSON.stringify(body));
  }
  assert.equal((await it.say('x'.repeat(300_000))).status, 413);
  const got = await fetch(`${it.origin}/countersign/callback`);
  assert.deepEqual([got.status, got.headers.get('allow'), got.headers.get('content-type')], [405, 'POST', 'application/problem+json']);
  assert.equal(await it.poll(id), 'authorization_pending');
});

test('everything else at the provider passes the middleware', async (t) => {
  const it = await stage(t);
  const found = await (await fetch(`${it.origin}/.well-known/openid-configuration`)).json();
  assert.equal(found.issuer, it.origin);
});

test('the operator hears of each result at least once, before Countersign does', async (t) => {
  const heard = [];
  let works = false;
  const it = await stage(t, {
    settled: async ({ request, result }) => {
      heard.push([request.jti, result.result, result.receipt?.decision]);
      if (!works) throw new Error('the archive is full');
    },
  });
  const id = await it.asked();
  assert.equal((await it.say(approved(id))).status, 500, 'Countersign comes again');
  assert.equal(it.errors.length, 1);
  works = true;
  assert.equal((await it.say(approved(id))).status, 204);
  assert.deepEqual(heard, [[id, 'approved', 'b'], [id, 'approved', 'b']]);
});

test('a grant of the operator takes the place of the one of everything', async (t) => {
  const it = await stage(t, {
    grant: async ({ provider, request }) => {
      const grant = new provider.Grant({ accountId: request.accountId, clientId: request.clientId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
  });
  const id = await it.asked();
  assert.equal((await it.say(approved(id))).status, 204);
  assert.equal((await it.poll(id)).scope, 'openid');
});

test('a store that fails is a result that is not taken, and the next try is', async (t) => {
  const it = await stage(t);
  const id = await it.asked();
  const { adapter } = it.provider.BackchannelAuthenticationRequest;
  const upsert = adapter.upsert;
  adapter.upsert = async () => Promise.reject(new Error('the disk is full'));
  assert.equal((await it.say(approved(id))).status, 500);
  adapter.upsert = upsert;
  assert.equal(await it.poll(id), 'authorization_pending');
  assert.equal((await it.say(approved(id))).status, 204);
  assert.equal(typeof (await it.poll(id)), 'object');
});

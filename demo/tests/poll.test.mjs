// The polling loop on a clock that moves only when the loop sleeps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { pollUntilSettled } from '../src/poll.mjs';

const oauthError = (error, status = 400) =>
  new client.ResponseBodyError('refused', { cause: { error }, response: new Response('{}', { status }) });
const httpError = (status, headers) => Object.assign(new Error('not conform'), { cause: new Response('', { status, headers }) });
const networkError = () => new TypeError('fetch failed');

/** Runs the loop against answers in turn: an Error is thrown, anything else returned. `takes` is how long each answer needs. */
async function poll(answers, { acknowledgement = { expires_in: 600 }, takes = 0 } = {}) {
  let now = 1_700_000_000_000;
  const began = now;
  const sentAt = [];
  const events = [];
  let open = 0;
  const result = await pollUntilSettled({
    acknowledgement,
    clock: {
      now: () => now,
      sleep: async (milliseconds) => {
        now += milliseconds;
      },
    },
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
    send: async () => {
      open += 1;
      assert.equal(open, 1, 'R-158: no two requests for one auth_req_id overlap');
      sentAt.push((now - began) / 1000);
      now += takes * 1000;
      await Promise.resolve();
      open -= 1;
      const answer = answers[Math.min(sentAt.length, answers.length) - 1];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { result, sentAt, events };
}

const pending = oauthError('authorization_pending');
const tokens = { access_token: 'given' };

test('without an interval the client polls every five seconds', async () => {
  const { sentAt, result } = await poll([pending, pending, tokens]);
  assert.deepEqual(sentAt, [5, 10, 15], 'R-125: the default is 5 s');
  assert.deepEqual(result, { state: 'approved', tokens });
});

test('the interval of the provider is kept from sending to sending', async () => {
  const { sentAt } = await poll([pending, pending, tokens], { acknowledgement: { expires_in: 600, interval: 7 }, takes: 3 });
  assert.deepEqual(sentAt, [7, 14, 21], 'R-158: measured from sending to sending');
});

test('after a long poll the next poll goes out at once', async () => {
  const { sentAt } = await poll([pending, pending, tokens], { takes: 28 });
  assert.deepEqual(sentAt, [5, 33, 61], 'R-161: the interval had already passed when the answer came');
});

test('slow_down adds five seconds for good', async () => {
  const { sentAt, events } = await poll([pending, oauthError('slow_down'), pending, oauthError('slow_down'), pending, tokens]);
  assert.deepEqual(sentAt, [5, 10, 20, 30, 45, 60], 'R-174: each slow_down counts for all later polls');
  assert.deepEqual(events.map(({ type }) => type), ['pending', 'slow_down', 'pending', 'slow_down', 'pending']);
});

for (const error of ['invalid_request', 'invalid_grant', 'unauthorized_client', 'something_new']) {
  test(`${error} ends the polling`, async () => {
    const { sentAt, result } = await poll([pending, oauthError(error), tokens]);
    assert.equal(sentAt.length, 2, 'R-176: the auth_req_id is not used again');
    assert.equal(result.state, 'failed');
    assert.equal(result.code, error);
  });
}

test('a refusal is a denial and expired_token is the end of the time', async () => {
  assert.equal((await poll([oauthError('access_denied')])).result.state, 'denied');
  assert.equal((await poll([pending, oauthError('expired_token')])).result.state, 'expired');
});

test('a provider that has already forgotten the expired request means the same', async () => {
  const { result } = await poll([pending, oauthError('invalid_grant')], { acknowledgement: { expires_in: 8 } });
  assert.equal(result.state, 'expired');
});

test('a busy provider is left alone for as long as it asks', async () => {
  const { sentAt, result } = await poll([httpError(503, { 'retry-after': '42' }), tokens], { takes: 2 });
  assert.deepEqual(sentAt, [5, 49], 'R-164: 42 s from the answer, which came after 2 s');
  assert.equal(result.state, 'approved');
});

test('a busy provider that asks for less than the interval still gets the interval', async () => {
  const { sentAt } = await poll([httpError(503, { 'retry-after': '1' }), tokens]);
  assert.deepEqual(sentAt, [5, 10]);
});

test('Retry-After may be a date', async () => {
  const { sentAt } = await poll([httpError(503, { 'retry-after': new Date(1_700_000_025_000).toUTCString() }), tokens]);
  assert.deepEqual(sentAt, [5, 25]);
});

test('a lost connection is tried again, less and less often, and loses nothing', async () => {
  const { sentAt, result } = await poll([networkError(), networkError(), httpError(502), networkError(), pending, tokens]);
  assert.deepEqual(sentAt, [5, 10, 20, 40, 70, 75], 'the pause grows to 30 s and goes back to the interval');
  assert.equal(result.state, 'approved');
});

test('what slow_down added survives a lost connection', async () => {
  const { sentAt } = await poll([oauthError('slow_down'), networkError(), pending, tokens]);
  assert.deepEqual(sentAt, [5, 15, 25, 35], 'R-174: permanently');
});

test('a provider that never comes back ends the wait when the time is over', async () => {
  const { result, sentAt } = await poll([networkError()], { acknowledgement: { expires_in: 60 } });
  assert.deepEqual(result, { state: 'failed', code: 'unreachable' });
  assert.deepEqual(sentAt, [5, 10, 20, 40, 70], 'R-126: the client keeps the expiry; one poll after it, and no more');
});

test('a provider that stays pending for ever does not keep the client for ever', async () => {
  const { result, sentAt } = await poll([pending], { acknowledgement: { expires_in: 20 } });
  assert.equal(result.state, 'expired');
  assert.deepEqual(sentAt, [5, 10, 15, 20, 25], 'R-126: one poll after the expiry, and no more');
});

test('an approval in the last second is not missed by a client that polls slowly', async () => {
  const { result, sentAt } = await poll([oauthError('slow_down'), oauthError('slow_down'), tokens], { acknowledgement: { expires_in: 21 } });
  assert.deepEqual(sentAt, [5, 15, 30]);
  assert.equal(result.state, 'approved');
});

test('tokens that cannot be verified are no approval', async () => {
  const { result } = await poll([Object.assign(new Error('unexpected JWT claim value'), { code: 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' })]);
  assert.equal(result.state, 'failed');
  assert.equal(result.code, 'invalid_answer');
});

test('a cancelled wait ends at once, even in the middle of a poll', async () => {
  const leave = new AbortController();
  const wait = pollUntilSettled({
    acknowledgement: { expires_in: 600, interval: 0 },
    signal: leave.signal,
    onEvent: () => {},
    send: () => {
      setImmediate(() => leave.abort());
      return new Promise(() => {});
    },
  });
  await assert.rejects(wait, { name: 'AbortError' });
});

// Clients that are told: when, how often, and what happens when they cannot be reached.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { approved, settled, stage } from './stage.mjs';

const asked = (it) => it.asked({ client_notification_token: 'notify-me-notify-me' }, 'pinged');

for (const result of ['approved', 'denied']) {
  test(`a client in ping mode is told when the request is ${result}`, async (t) => {
    const it = await stage(t);
    const id = await asked(it);
    assert.equal(it.pings.length, 0);
    assert.equal((await it.say(settled(id, result))).status, 204);
    assert.deepEqual(it.pings, [{ url: 'https://shop.example/notified', authorization: 'Bearer notify-me-notify-me', body: { auth_req_id: id } }]);
    const answer = await it.poll(id, 'pinged');
    assert.equal(typeof answer === 'object', result === 'approved');
  });
}

test('a client that cannot be reached is told when Countersign comes again, and the result stays', async (t) => {
  const it = await stage(t);
  const id = await asked(it);
  it.pinged = () => 500;
  const answer = await it.say(approved(id));
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '2'], 'Countersign comes again');
  assert.equal(it.errors.length, 1, 'the operator hears of it');
  assert.equal((await it.say(settled(id, 'denied'))).status, 409, 'the result is recorded all the same');
  it.pinged = () => 204;
  assert.equal((await it.say(approved(id))).status, 204);
  assert.equal(it.pings.length, 2);
  assert.equal(typeof (await it.poll(id, 'pinged')), 'object');
});

test('a client that has redeemed is not told again', async (t) => {
  const it = await stage(t);
  const id = await asked(it);
  it.pinged = () => 500;
  assert.equal((await it.say(approved(id))).status, 503);
  assert.equal(typeof (await it.poll(id, 'pinged')), 'object', 'it may poll at any time');
  assert.equal((await it.say(approved(id))).status, 204);
  assert.equal(it.pings.length, 1);
});

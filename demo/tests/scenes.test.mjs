// What each scene sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parametersFor } from '../src/scenes.mjs';

const CONFIG = { scope: 'openid', paymentScope: 'openid payment', requestedExpiry: 60 };
const SCENES = ['shop', 'call-centre', 'terminal'];
const sent = (scene) => parametersFor(scene, { login_hint: 'anna' }, CONFIG, {});

test('messages are short and plain, and tell requests apart', () => {
  for (const scene of SCENES) {
    const messages = Array.from({ length: 300 }, () => sent(scene).binding_message);
    for (const message of messages) assert.match(message, /^[a-z0-9 ]{2,20}$/, `R-061: ${scene}`);
    // Of 90 numbers, 300 draws miss more than 40 about never.
    assert.ok(new Set(messages).size > 50, `R-061: ${scene} has ${new Set(messages).size} messages`);
  }
});

test('nothing is sent that the client is not registered for', () => {
  for (const scene of SCENES) {
    const names = Object.keys(sent(scene)).sort();
    assert.deepEqual(names, ['binding_message', 'login_hint', 'requested_expiry', 'scope'], `R-063: no user_code, R-059: ${scene}`);
    assert.match(sent(scene).requested_expiry, /^[1-9]\d*$/, `R-064: ${scene}`);
  }
});

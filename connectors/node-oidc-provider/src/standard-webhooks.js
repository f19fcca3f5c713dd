// Messages that both sides sign with one secret: Standard Webhooks, the symmetric signature `v1`.
import { createHmac, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const ID = /^[\x21-\x7e]{1,512}$/;
/** How far the clocks of the two sides may be apart, in seconds. */
const TOLERANCE = 300;

/**
 * Reads a secret as it is written down.
 * @param {string} secret `whsec_` and the base64 of 24 to 64 random bytes
 * @returns {Buffer}
 * @throws {TypeError} when it is anything else
 */
export function readSecret(secret) {
  const text = typeof secret === 'string' && secret.trim().startsWith(PREFIX) ? secret.trim().slice(PREFIX.length) : '';
  const key = Buffer.from(text, 'base64');
  if (!BASE64.test(text) || key.length < 24 || key.length > 64) {
    throw new TypeError('secret: `whsec_` and the base64 of 24 to 64 random bytes are expected');
  }
  return key;
}

/**
 * @param {Buffer} key
 * @param {string} id
 * @param {string} timestamp
 * @param {string | Buffer} body
 */
function mac(key, id, timestamp, body) {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

/**
 * The headers of a message that is sent now.
 * @param {Buffer} key
 * @param {{ id: string, body: string }} message `id` names the message: the same at every try
 */
export function sign(key, { id, body }) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac(key, id, timestamp, body).toString('base64')}` };
}

/**
 * Whether a message was signed with one of `keys`, lately.
 * @param {Buffer[]} keys
 * @param {import('node:http').IncomingHttpHeaders} headers
 * @param {Buffer} body the bytes as they came
 */
export function verifies(keys, headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') return false;
  if (!ID.test(id) || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) return false;
  const expected = keys.map((key) => mac(key, id, timestamp, body));
  // A sender that changes its secret signs with both for a while.
  return signatures.split(' ').slice(0, 8).some((one) => {
    if (!one.startsWith('v1,')) return false;
    const given = Buffer.from(one.slice(3), 'base64');
    return expected.some((mine) => mine.length === given.length && timingSafeEqual(mine, given));
  });
}

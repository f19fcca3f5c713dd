// What a request is called outside the provider. Its `auth_req_id` is between provider and client, so what leaves is sealed: only whoever has the secret
// reads it, and a name that was made up is nobody's.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;

/**
 * @param {Buffer} key
 * @param {string} purpose
 */
const derived = (key, purpose) => Buffer.from(hkdfSync('sha256', key, '', `countersign auth_req_id ${purpose}`, 32));

/**
 * The name of a request: the same for the same request.
 * @param {Buffer} key
 * @param {string} authReqId
 */
export function nameOf(key, authReqId) {
  const nonce = createHmac('sha256', derived(key, 'nonce')).update(authReqId).digest().subarray(0, NONCE);
  const cipher = createCipheriv(CIPHER, derived(key, 'name'), nonce);
  const sealed = Buffer.concat([cipher.update(authReqId, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
}

/**
 * The `auth_req_id` behind a name that was made with one of `keys`.
 * @param {Buffer[]} keys
 * @param {string} name
 * @returns {string | undefined}
 */
export function authReqIdOf(keys, name) {
  const bytes = Buffer.from(name, 'base64url');
  if (bytes.length <= NONCE + TAG) return undefined;
  for (const key of keys) {
    const decipher = createDecipheriv(CIPHER, derived(key, 'name'), bytes.subarray(0, NONCE), { authTagLength: TAG });
    decipher.setAuthTag(bytes.subarray(-TAG));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE, -TAG)), decipher.final()]).toString('utf8');
    } catch {
      // It was made with another key, or by nobody.
    }
  }
  return undefined;
}

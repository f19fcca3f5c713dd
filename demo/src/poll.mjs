// Asks the token endpoint until there is a result (CIBA Core sections 10.1 and 11).
//
// `client.pollBackchannelAuthenticationGrant()` of openid-client is the short way to do this and is right for most clients.
// This loop is longer for two reasons: a dropped connection does not end it, and it can tell the page what is going on.
import { setTimeout as delay } from 'node:timers/promises';
import * as client from 'openid-client';

const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
const DEFAULT_INTERVAL_SECONDS = 5; // when the provider names none
const SLOW_DOWN_SECONDS = 5;
const LONGEST_PAUSE_SECONDS = 30; // between two tries while the provider cannot be reached

/** The clock of the running program. Tests bring their own. */
export const systemClock = { now: () => Date.now(), sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }) };

/**
 * Polls until the request is settled and returns `{ state: 'approved', tokens }` or `{ state: 'denied' | 'expired' | 'failed', code, detail }`.
 *
 * `send` makes one token request. `onEvent` hears `{ type: 'pending' | 'slow_down' | 'busy' | 'unreachable', seconds }`, where `seconds` is the pause
 * before the next try. When `signal` aborts, the loop ends with that reason thrown, and nothing is sent any more.
 */
export async function pollUntilSettled({ acknowledgement, send, onEvent, signal, clock = systemClock }) {
  let interval = acknowledgement.interval ?? DEFAULT_INTERVAL_SECONDS;
  let failures = 0;
  let pause = interval;
  let sentAt = clock.now();
  // The provider's own clock decides when a request is over, and it says so with `expired_token`. Ours only decides which poll is the last:
  // the first one sent after this moment, so that an approval in the last second is not missed.
  const expiresAt = sentAt + acknowledgement.expires_in * 1000;

  const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  aborted.catch(() => {}); // nobody may be waiting for it when it happens

  for (;;) {
    // Intervals count from sending to sending: after a long poll the next one may go out at once.
    await clock.sleep(Math.max(0, sentAt + pause * 1000 - clock.now()), signal);
    sentAt = clock.now();
    let answer;
    try {
      return { state: 'approved', tokens: await Promise.race([send(), aborted]) };
    } catch (error) {
      signal.throwIfAborted();
      answer = understand(error, clock.now());
    }
    // A provider need not remember for ever what has expired.
    if (answer.code === 'invalid_grant' && sentAt > expiresAt) return { state: 'expired', code: answer.code };
    if (answer.state) return answer;
    if (sentAt > expiresAt) return answer.type === 'unreachable' ? { state: 'failed', code: 'unreachable' } : { state: 'expired', code: 'no_answer' };

    failures = answer.type === 'unreachable' ? failures + 1 : 0;
    // For good, not only for the next poll: the provider remembers who was too fast.
    if (answer.type === 'slow_down') interval += SLOW_DOWN_SECONDS;
    pause = interval;
    if (failures > 0) pause = Math.max(interval, Math.min(interval * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS));
    if (answer.retryAfter !== undefined) {
      // Retry-After counts from the answer, the interval from the question.
      pause = Math.max(interval, (clock.now() - sentAt) / 1000 + answer.retryAfter);
    }
    onEvent({ type: answer.type, seconds: Math.ceil(pause) });
  }
}

/** One token request for `authReqId`, its answer verified. */
export function tokenRequest(provider, authReqId) {
  return async () => {
    const tokens = await client.genericGrantRequest(provider, CIBA_GRANT, { auth_req_id: authReqId });
    const claims = tokens.claims();
    if (!claims) throw new TokenError('the answer has no ID token');
    // Only push delivery has to send this claim. If it is there, it has to be ours.
    const bound = claims['urn:openid:params:jwt:claim:auth_req_id'];
    if (bound !== undefined && bound !== authReqId) throw new TokenError('the ID token belongs to another request');
    return tokens;
  };
}

/** The provider answered with tokens that are not good. */
export class TokenError extends Error {}

/**
 * Turns what openid-client throws into what it means: `{ type }` with `pending`, `slow_down`, `busy` (and `retryAfter`) or `unreachable` when the
 * question is still open, `{ state, code, detail }` when it is not.
 */
export function understand(error, now) {
  if (error instanceof client.ResponseBodyError) {
    switch (error.error) {
      case 'authorization_pending':
        return { type: 'pending' };
      case 'slow_down':
        return { type: 'slow_down' };
      case 'access_denied':
        return { state: 'denied', code: error.error };
      case 'expired_token':
        return { state: 'expired', code: error.error };
      default:
        // Among them `invalid_request`, `invalid_grant`, `invalid_client`: asking again cannot help.
        return { state: 'failed', code: error.error, detail: error.error_description };
    }
  }
  const response = error.cause instanceof Response ? error.cause : undefined;
  if (response?.status === 503 || response?.status === 429) {
    const seconds = retryAfter(response, now);
    return seconds === undefined ? { type: 'unreachable' } : { type: 'busy', retryAfter: seconds };
  }
  if (response?.status >= 500 || isNetworkFailure(error)) return { type: 'unreachable' };
  if (error.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE') return { state: 'failed', code: 'invalid_client' };
  return { state: 'failed', code: 'invalid_answer', detail: error.message };
}

// No answer came, so nothing is known about what the provider did.
function isNetworkFailure(error) {
  return error.code === 'OAUTH_TIMEOUT' || (error instanceof TypeError && error.message === 'fetch failed');
}

// Seconds that `Retry-After` asks for, or undefined.
function retryAfter(response, now) {
  const value = response.headers.get('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d{1,6}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

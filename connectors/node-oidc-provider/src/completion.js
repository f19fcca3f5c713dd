// Puts a result into the provider. The first one wins: oidc-provider itself would take another one after it.
import { errors } from 'oidc-provider';

import { authReqIdOf } from './name.js';

/**
 * @typedef {import('oidc-provider').default} Provider
 * @typedef {import('./intake.js').BackchannelAuthenticationRequest} BackchannelAuthenticationRequest
 * @typedef {InstanceType<Provider['Grant']>} Grant
 *
 * @typedef {object} Result What Countersign says became of a request.
 * @property {'request.settled'} type
 * @property {string} id what the request is called there
 * @property {string} sub who decided
 * @property {'approved' | 'denied' | 'expired'} result
 * @property {'not_me' | 'changed_mind' | 'too_many' | 'number_mismatch' | 'superseded'} [reason] why it was denied
 * @property {number} [auth_time] seconds
 * @property {string[]} [amr]
 * @property {string} [acr]
 * @property {number} decided_at milliseconds
 * @property {{ request: string, decision: string, device_key: object, request_key: object }} [receipt] proves the decision to anybody
 *
 * @typedef {'taken' | 'unknown' | 'wrong_sub' | 'conflict' | 'over' | 'not_pinged'} Verdict
 *
 * @typedef {object} Completion
 * @property {Buffer[]} keys
 * @property {() => Provider} provider
 * @property {(accountId: string) => string | Promise<string>} subject
 * @property {(found: { provider: Provider, request: BackchannelAuthenticationRequest, result: Result }) => Promise<Grant>} grant
 * @property {(settled: { request: BackchannelAuthenticationRequest, result: Result }) => void | Promise<void>} settled
 */

const DENIED = 'the end-user denied the request';

/**
 * What was granted when the person approves: everything that was asked for.
 * @type {Completion['grant']}
 */
export async function grantOfEverything({ provider, request }) {
  const grant = new provider.Grant({ accountId: String(request.accountId), clientId: String(request.clientId) });
  const scope = request.scope ?? '';
  grant.addOIDCScope(scope);
  const claims = [request.claims?.id_token, request.claims?.userinfo].flatMap((wanted) => Object.keys(wanted ?? {}));
  if (claims.length > 0) grant.addOIDCClaims(claims);
  for (const resource of [request.resource ?? []].flat()) grant.addResourceScope(resource, scope);
  await grant.save();
  return grant;
}

/** @param {BackchannelAuthenticationRequest} request */
function resultOf(request) {
  if (request.grantId) return 'approved';
  if (request.error === undefined) return undefined;
  return new Map([['access_denied', 'denied'], ['expired_token', 'expired']]).get(request.error) ?? request.error;
}

/** @param {BackchannelAuthenticationRequest} request */
function detailsOf(request) {
  const details = request.params?.authorization_details;
  return typeof details === 'string' && details !== '' ? JSON.parse(details) : undefined;
}

/**
 * @param {Completion} completion
 * @param {BackchannelAuthenticationRequest} request
 * @param {Result} result
 */
async function record({ provider: of, grant }, request, result) {
  const provider = of();
  if (result.result === 'approved') {
    const granted = await grant({ provider, request, result });
    const { acr, amr, auth_time: authTime } = result;
    // Members that are absent stay absent.
    const facts = JSON.parse(JSON.stringify({ acr, amr, authTime, rar: detailsOf(request) }));
    return provider.backchannelResult(request, granted, facts);
  }
  // oidc-provider 9 keeps the description of a result only where its model looks for it.
  const error = result.result === 'denied' ? new errors.AccessDenied(DENIED) : new errors.ExpiredToken('the end-user did not decide in time');
  request.errorDescription = error.error_description;
  return provider.backchannelResult(request, error);
}

/**
 * @param {Completion} completion
 * @param {Result} result
 * @returns {Promise<Verdict>}
 */
async function settle(completion, result) {
  const provider = completion.provider();
  const id = authReqIdOf(completion.keys, result.id);
  const find = async () => id && provider.BackchannelAuthenticationRequest.find(id, { ignoreExpiration: true });
  const request = await find();
  if (!request) return 'unknown';
  if ((await completion.subject(String(request.accountId))) !== result.sub) return 'wrong_sub';

  const first = resultOf(request) ?? (request.isExpired && result.result === 'expired' ? 'expired' : undefined);
  if (first !== undefined && first !== result.result) return 'conflict';
  if (first === undefined) {
    if (request.isExpired) return 'over';
    try {
      await record(completion, request, result);
    } catch (error) {
      // It is recorded before the client is pinged; whether that was reached decides what is left to do.
      const recorded = await find();
      if (!recorded || resultOf(recorded) === undefined) throw error;
      report(provider, error);
      return 'not_pinged';
    }
  } else if (!request.consumed && !request.isExpired) {
    // The same again: perhaps because the client was not reached, perhaps because our answer was lost.
    const client = await provider.Client.find(String(request.clientId));
    try {
      if (client?.backchannelTokenDeliveryMode === 'ping') await client.backchannelPing(request);
    } catch (error) {
      report(provider, error);
      return 'not_pinged';
    }
  }
  await completion.settled({ request, result });
  return 'taken';
}

/**
 * Tells the operator, as oidc-provider does: by an event.
 * @param {Provider} provider
 * @param {unknown} error
 */
export function report(provider, error) {
  provider.emit('countersign.error', error);
}

/**
 * One result at a time for each request, so that two that contradict each other cannot both be the first.
 * @param {Completion} completion
 * @returns {(result: Result) => Promise<Verdict>}
 */
export function oneAtATime(completion) {
  /** @type {Map<string, Promise<unknown>>} */
  const busy = new Map();
  return async (result) => {
    const mine = (busy.get(result.id) ?? Promise.resolve()).then(() => settle(completion, result));
    const quiet = mine.catch(() => {});
    busy.set(result.id, quiet);
    try {
      return await mine;
    } finally {
      if (busy.get(result.id) === quiet) busy.delete(result.id);
    }
  };
}

// Hands a backchannel authentication request to Countersign, which asks the person on their devices.
import { createHash } from 'node:crypto';

import { errors } from 'oidc-provider';

import { nameOf } from './name.js';
import { sign } from './standard-webhooks.js';

/**
 * @typedef {import('oidc-provider').Client} Client
 * @typedef {InstanceType<import('oidc-provider').default['BackchannelAuthenticationRequest']>} BackchannelAuthenticationRequest
 * @typedef {'auto' | 'show' | 'type'} BindingMode
 *
 * @typedef {object} Intake
 * @property {URL} url
 * @property {Buffer} key
 * @property {typeof globalThis.fetch} fetch
 * @property {number} timeout milliseconds
 * @property {(client: Client) => BindingMode} bindingMode
 */

/** A message that the person can type instead of comparing it. */
const NUMBER = /^\d{2,8}$/;

/**
 * What a client can mend when Countersign does not like it, by the member of the intake.
 * @type {Record<string, new (description: string) => Error>}
 */
const OF_THE_CLIENT = {
  binding_message: errors.InvalidBindingMessage,
  binding_code: errors.InvalidBindingMessage,
  authorization_details: errors.InvalidAuthorizationDetails,
  acr_values: errors.InvalidRequest,
  context: errors.InvalidRequest,
  scope: errors.InvalidRequest,
};

/** @param {unknown} value */
const text = (value) => (typeof value === 'string' && value !== '' ? value : undefined);

/**
 * An address that people can be shown: others are left out.
 * @param {unknown} value
 */
const webAddress = (value) => (text(value)?.startsWith('https://') ? value : undefined);

/** @param {unknown} value */
function object(value) {
  try {
    const parsed = JSON.parse(text(value) ?? 'null');
    return parsed && typeof parsed === 'object' && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Until when the person may decide, in milliseconds: a second before the provider's own end, which was set to whole seconds when it saved the request.
 * @param {BackchannelAuthenticationRequest} request
 */
const deadline = (request) => (Math.floor(Date.now() / 1000) + request.remainingTTL - 1) * 1000;

/**
 * The body of the intake.
 * @param {{ id: string, request: BackchannelAuthenticationRequest, client: Client, sub: string, bindingMode: BindingMode }} asked
 */
function bodyOf({ id, request, client, sub, bindingMode }) {
  const params = request.params ?? {};
  const message = text(params.binding_message);
  const typed = message !== undefined && bindingMode !== 'show' && NUMBER.test(message);
  if (bindingMode === 'type' && !typed) throw new errors.InvalidBindingMessage('binding_message must be a number of 2 to 8 digits');
  const body = JSON.stringify({
    id,
    sub,
    client: { id: client.clientId, name: client.clientName ?? client.clientId, uri: webAddress(client.clientUri) },
    scope: request.scope,
    binding_message: typed ? undefined : message,
    binding_code: typed ? message : undefined,
    acr_values: text(params.acr_values),
    context: object(params.request_context),
    expires_at: deadline(request),
  });
  const details = text(params.authorization_details);
  if (details === undefined) return body;
  // As the client wrote it, digit by digit: what the person sees and signs is this text.
  try {
    if (!Array.isArray(JSON.parse(details))) throw new TypeError('not an array');
  } catch (cause) {
    throw new errors.InvalidAuthorizationDetails('authorization_details must be a JSON array', { cause });
  }
  return `${body.slice(0, -1)},"authorization_details":${details}}`;
}

/**
 * An error with the status that CIBA Core section 13 and RFC 9110 have for it, in place of the 400 of all errors of oidc-provider.
 * @template {Error} E
 * @param {number} status
 * @param {E} error
 */
const answering = (status, error) => Object.assign(error, { status, statusCode: status });

/**
 * The client may try again.
 * @param {unknown} cause for the operator, in the events of the provider
 */
const unavailable = (cause) =>
  answering(503, new errors.CustomOIDCProviderError('temporarily_unavailable', 'the end-user could not be asked', { cause }));

/**
 * @param {Response} answer
 * @returns {Promise<Error>}
 */
async function refusal(answer) {
  const problem = /** @type {{ code?: unknown, field?: unknown }} */ (await answer.json().catch(() => ({})));
  const [code, field] = [text(problem.code) ?? 'without a code', text(problem.field) ?? ''];
  const [member = ''] = field.split(/[./[]/, 1);
  // The person has said of this client that it was not them who started.
  if (answer.status === 403 && code === 'unwanted') return answering(403, new errors.AccessDenied('the end-user does not want to be asked by this client'));
  const Refused = answer.status === 400 && Object.hasOwn(OF_THE_CLIENT, member) ? OF_THE_CLIENT[member] : undefined;
  if (Refused) return new Refused(`${member} is not taken by the authentication device`);
  return unavailable(new Error(`the intake answered ${answer.status} ${code}, ${field || 'no field named'}`));
}

/**
 * Sends a request. When it resolves, Countersign has it on disk.
 * @param {Intake} intake
 * @param {{ request: BackchannelAuthenticationRequest, client: Client, sub: string }} asked
 * @throws {errors.OIDCProviderError} when the person will not be asked
 */
export async function hand(intake, { request, client, sub }) {
  const name = nameOf(intake.key, request.jti);
  const body = bodyOf({ id: name, request, client, sub, bindingMode: intake.bindingMode(client) });
  const id = createHash('sha256').update(name).digest('base64url');
  const signal = AbortSignal.timeout(intake.timeout);
  const send = () => {
    const headers = { 'content-type': 'application/json', accept: 'application/json', ...sign(intake.key, { id, body }) };
    return intake.fetch(intake.url, { method: 'POST', redirect: 'error', headers, body, signal });
  };
  let answer;
  try {
    // A kept connection may have been closed in the meantime. The same message twice is one request to Countersign.
    answer = await send().catch((error) => (signal.aborted ? Promise.reject(error) : send()));
    if (answer.status === 201) return void (await answer.arrayBuffer());
  } catch (error) {
    throw unavailable(error);
  }
  throw await refusal(answer);
}

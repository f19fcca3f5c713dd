// The route at which Countersign says what became of a request.
import { verifies } from './standard-webhooks.js';

/**
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('./completion.js').Result} Result
 * @typedef {import('./completion.js').Verdict} Verdict
 * @typedef {{ status: number, code?: string, headers?: Record<string, string> }} Answer
 */

/** More than a receipt with its request object takes. */
const MOST_BYTES = 256 * 1024;

/** @type {Record<Verdict, Answer>} */
const ANSWERS = {
  taken: { status: 204 },
  unknown: { status: 404, code: 'not_found' },
  wrong_sub: { status: 400, code: 'wrong_sub' },
  conflict: { status: 409, code: 'settled' },
  over: { status: 410, code: 'expired' },
  // It is recorded. Coming again makes the provider ping again.
  not_pinged: { status: 503, code: 'client_not_reached', headers: { 'retry-after': '2' } },
};

/**
 * @param {IncomingMessage & { body?: unknown, rawBody?: unknown }} req
 * @returns {Promise<Buffer | undefined>} the bytes, or undefined when there are too many
 */
async function read(req) {
  for (const body of [req.rawBody, req.body]) {
    if (Buffer.isBuffer(body)) return body;
    if (typeof body === 'string') return Buffer.from(body);
  }
  if (req.readableDidRead) throw new Error('a body parser took the body of the callback: mount the callback before it');
  const chunks = [];
  let length = 0;
  for await (const chunk of req) {
    length += chunk.length;
    if (length > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const RESULTS = ['approved', 'denied', 'expired'];
/** @param {unknown} value */
const isText = (value) => typeof value === 'string' && value !== '';
/** @type {Record<string, (value: any) => boolean>} */
const RULES = {
  type: (value) => value === 'request.settled',
  id: isText,
  sub: isText,
  result: (value) => RESULTS.includes(value),
  acr: (value) => value === undefined || isText(value),
  amr: (value) => value === undefined || (Array.isArray(value) && value.every(isText)),
  auth_time: (value) => value === undefined || Number.isSafeInteger(value),
};

/**
 * @param {Buffer} body
 * @returns {Result | undefined}
 */
function resultIn(body) {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return Object.entries(RULES).every(([name, good]) => good(value[name])) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Answers one call of Countersign.
 * @param {{ keys: Buffer[], settle: (result: Result) => Promise<Verdict>, failed: (error: unknown) => void }} callback
 * @param {IncomingMessage} req
 * @returns {Promise<Answer>}
 */
export async function answer({ keys, settle, failed }, req) {
  if (req.method !== 'POST') return { status: 405, code: 'method_not_allowed', headers: { allow: 'POST' } };
  try {
    const body = await read(req);
    if (!body) return { status: 413, code: 'too_large', headers: { connection: 'close' } };
    if (!verifies(keys, req.headers, body)) return { status: 401, code: 'invalid_signature' };
    const result = resultIn(body);
    return result ? ANSWERS[await settle(result)] : { status: 400, code: 'invalid_body' };
  } catch (error) {
    failed(error);
    return { status: 500, code: 'not_recorded' };
  }
}

/**
 * What stands in an answer.
 * @param {Answer} answer
 */
export function written({ status, code, headers }) {
  const body = code && JSON.stringify({ type: 'about:blank', title: code.replaceAll('_', ' '), status, code });
  return { status, headers: { 'cache-control': 'no-store', ...(body && { 'content-type': 'application/problem+json' }), ...headers }, body };
}

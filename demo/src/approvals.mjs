// The approvals that are under way, and what the page may know of them. No token and no auth_req_id ever leaves this process.
import { randomUUID } from 'node:crypto';
import * as client from 'openid-client';
import { pollUntilSettled, tokenRequest, understand } from './poll.mjs';
import { parametersFor } from './scenes.mjs';

const MOST_AT_ONCE = 50;
const KEEP_SETTLED_MS = 10 * 60 * 1000;
// A short break of the connection is not leaving; after this time without a reader it is.
const GRACE_MS = 10 * 1000;

/** Thrown when the provider refused to ask the person, or could not be reached. */
export class RefusedError extends Error {
  constructor(code, detail) {
    super(`the request was not started: ${code}`);
    this.code = code;
    this.detail = detail;
  }
}

export class Approvals {
  #all = new Map();
  #provider;
  #config;
  #graceMs;

  constructor(provider, config, { graceMs = GRACE_MS } = {}) {
    this.#provider = provider;
    this.#config = config;
    this.#graceMs = graceMs;
  }

  find(id) {
    return this.#all.get(id);
  }

  /** Sends the backchannel authentication request and begins to poll. */
  async start(scene, input) {
    if ([...this.#all.values()].filter((approval) => !approval.settled).length >= MOST_AT_ONCE) throw new RefusedError('too_many');
    const parameters = parametersFor(scene, input, this.#config, this.#provider.serverMetadata());
    const acknowledgement = await this.#ask(parameters);
    const approval = new Approval(scene, parameters.binding_message, acknowledgement, this.#graceMs);
    this.#all.set(approval.id, approval);
    approval.run(tokenRequest(this.#provider, acknowledgement.auth_req_id)).finally(() => {
      setTimeout(() => this.#all.delete(approval.id), KEEP_SETTLED_MS).unref();
    });
    return approval;
  }

  /** Ends everything, so that the process can leave. */
  close() {
    for (const approval of this.#all.values()) approval.cancel();
  }

  async #ask(parameters) {
    try {
      return await client.initiateBackchannelAuthentication(this.#provider, parameters);
    } catch (error) {
      // This request is not repeated by itself: a second one would ask the person twice.
      const { type, code, detail, retryAfter } = understand(error, Date.now());
      if (type === 'busy') throw new RefusedError('busy', `It asks to be left alone for ${Math.ceil(retryAfter)} s.`);
      throw new RefusedError(code ?? 'unreachable', detail);
    }
  }
}

/** One request to a person, from the acknowledgement to the result. */
class Approval {
  id = randomUUID();
  #scene;
  #message;
  #expiresAt;
  #acknowledgement;
  #state = { name: 'waiting' };
  #log = [];
  #listeners = new Set();
  #cancel = new AbortController();
  #graceMs;
  #leaving;

  constructor(scene, message, acknowledgement, graceMs) {
    this.#scene = scene;
    this.#message = message;
    this.#acknowledgement = acknowledgement;
    this.#graceMs = graceMs;
    this.#expiresAt = Date.now() + acknowledgement.expires_in * 1000;
    this.#note('bc-authorize', 'accepted', acknowledgement.expires_in);
    this.#expectListener();
  }

  /** What the page shows. Everything in it is plain text. */
  view() {
    return {
      id: this.id,
      scene: this.#scene,
      message: this.#message,
      expires_at: this.#expiresAt,
      // The page's clock may be wrong; the difference is all it needs.
      server_time: Date.now(),
      ...this.#state,
      log: this.#log,
    };
  }

  get settled() {
    return this.#state.name !== 'waiting';
  }

  /** Calls `listener` with the view now and at every change; returns how to stop. */
  listen(listener) {
    clearTimeout(this.#leaving);
    this.#listeners.add(listener);
    listener(this.view());
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#expectListener();
    };
  }

  /** Stops asking. CIBA has no call for a client to take a request back: on the device it runs out by itself. */
  cancel() {
    this.#cancel.abort(new DOMException('nobody waits for the result', 'AbortError'));
  }

  async run(send) {
    try {
      const result = await pollUntilSettled({
        acknowledgement: this.#acknowledgement,
        send,
        signal: this.#cancel.signal,
        onEvent: ({ type, seconds }) => this.#change({ trouble: type === 'pending' ? undefined : type }, type, seconds),
      });
      const { state, tokens, code, detail } = result;
      this.#change({ name: state, code, detail, claims: tokens && shown(tokens.claims()) }, code ?? 'tokens');
    } catch (error) {
      if (!this.#cancel.signal.aborted) throw error;
      this.#change({ name: 'cancelled' }, 'stopped');
    } finally {
      clearTimeout(this.#leaving);
    }
  }

  #expectListener() {
    if (this.settled) return;
    this.#leaving = setTimeout(() => this.cancel(), this.#graceMs);
    this.#leaving.unref();
  }

  #change(state, event, seconds) {
    this.#state = { ...this.#state, ...state };
    this.#note('token', event, seconds);
    for (const listener of this.#listeners) listener(this.view());
  }

  #note(endpoint, event, seconds) {
    const last = this.#log.at(-1);
    // "still waiting" ten times in a row is one line with a count.
    if (last?.endpoint === endpoint && last.event === event) Object.assign(last, { count: last.count + 1, seconds });
    else this.#log.push({ endpoint, event, seconds, count: 1 });
  }
}

// The request's own name is of no use to a reader and a secret while the request lives.
function shown(claims) {
  const { 'urn:openid:params:jwt:claim:auth_req_id': _, ...rest } = claims;
  return rest;
}

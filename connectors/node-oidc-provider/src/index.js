// Countersign as the authentication device of oidc-provider: asks the person when a request comes in, and takes the result.
import { isIP } from 'node:net';

import { answer, written } from './callback.js';
import { grantOfEverything, oneAtATime, report } from './completion.js';
import { hand } from './intake.js';
import { readSecret } from './standard-webhooks.js';

/**
 * @typedef {import('oidc-provider').default} Provider
 * @typedef {import('oidc-provider').Client} Client
 * @typedef {import('oidc-provider').CIBATriggerAuthenticationDevice} CIBATriggerAuthenticationDevice
 * @typedef {import('./intake.js').BindingMode} BindingMode
 * @typedef {import('./completion.js').Result} Result
 * @typedef {import('./completion.js').Completion} Completion
 *
 * @typedef {object} Options
 * @property {() => Provider} provider the provider; a function, because its configuration needs `triggerAuthenticationDevice` first
 * @property {string | URL} intake `https://BACKEND/connectors/NAME/requests`
 * @property {string | string[]} secret what `secret_file` of the connector holds; of several the first one signs and all are taken
 * @property {Completion['subject']} [subject] the `sub` that the app's client sees for an account; the account's id
 * @property {BindingMode | ((client: Client) => BindingMode)} [bindingMode] `auto`: a `binding_message` of 2 to 8 digits is typed by the person, any
 *   other is shown; `show`; `type`
 * @property {Completion['grant']} [grant] makes and saves the grant of an approval; the default grants what was asked for
 * @property {Completion['settled']} [settled] hears of each result that is recorded, at least once, before Countersign does: the place for receipts
 * @property {number} [timeout] milliseconds that Countersign may take for an answer, 5000
 * @property {typeof globalThis.fetch} [fetch] in place of the one of Node.js
 *
 * @typedef {object} Countersign
 * @property {CIBATriggerAuthenticationDevice} triggerAuthenticationDevice for `features.ciba`
 * @property {(path?: string) => (ctx: KoaContext, next: () => Promise<unknown>) => Promise<unknown>} callback Koa middleware for `provider.use`, which
 *   answers at `path` (`/countersign/callback`) and lets everything else pass
 * @property {(req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse) => Promise<void>} handler the same for Node.js and
 *   Express, at whatever path it is mounted
 *
 * @typedef {import('koa').ParameterizedContext} KoaContext
 */

/** @param {string} host */
const isLoopback = (host) => host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));

/** @param {string | URL} intake */
function intakeUrl(intake) {
  const url = new URL(intake);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url;
  throw new TypeError('intake: https is expected, http only for a literal loopback address');
}

/**
 * Connects a provider with a Countersign backend.
 * @param {Options} options
 * @returns {Countersign}
 * @throws {TypeError} when an option cannot be used
 */
export function countersign(options) {
  const { provider, subject = (accountId) => accountId, bindingMode = 'auto' } = options;
  if (typeof provider !== 'function') throw new TypeError('provider: a function that returns the provider is expected');
  const keys = [options.secret].flat().map(readSecret);
  const [key] = keys;
  if (!key) throw new TypeError('secret: at least one is expected');
  const intake = {
    key,
    url: intakeUrl(options.intake),
    // Looked up at each call, as everything global.
    fetch: options.fetch ?? ((/** @type {Parameters<typeof fetch>} */ ...words) => globalThis.fetch(...words)),
    timeout: options.timeout ?? 5000,
    bindingMode: typeof bindingMode === 'function' ? bindingMode : () => bindingMode,
  };
  const settle = oneAtATime({ keys, provider, subject, grant: options.grant ?? grantOfEverything, settled: options.settled ?? (() => {}) });
  const failed = (/** @type {unknown} */ error) => report(provider(), error);
  const answered = async (/** @type {import('node:http').IncomingMessage} */ req) => written(await answer({ keys, settle, failed }, req));

  return {
    async triggerAuthenticationDevice(_ctx, request, account, client) {
      try {
        await hand(intake, { request, client, sub: await subject(account.accountId) });
      } catch (error) {
        // The client never hears of this request, so a late approval must not find it.
        await request.destroy();
        throw error;
      }
    },

    callback(path = '/countersign/callback') {
      return async (ctx, next) => {
        if (ctx.path !== path) return next();
        const { status, headers, body } = await answered(ctx.req);
        ctx.status = status;
        ctx.set(headers);
        ctx.body = body ?? null;
        // An object of Koa is typed when its body is set.
        if (body) ctx.type = 'application/problem+json';
      };
    },

    async handler(req, res) {
      const { status, headers, body } = await answered(req);
      res.writeHead(status, headers).end(body);
    },
  };
}

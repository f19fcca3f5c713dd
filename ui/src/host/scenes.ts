/** Every state of the window by name: `?scene=NAME`. */
import type { PairingView } from '../protocol/PairingView';
import type { RequestContent } from '../protocol/RequestContent';
import type { RequestState } from '../protocol/RequestState';
import type { RequestView } from '../protocol/RequestView';
import { account, ACME, CLUB, content, CONTEXT, devices, entry, history, historyOfAcme, inState, LONG_NUMBERS, PAYMENT, request, settled, status, UNKNOWN_DETAILS } from './fixtures';
import type { World } from './memory';

/** What the app knows, and where the window opens. */
export interface Scene {
  world: World;
  fragment: string;
}

const DETAIL = '#/request/anna/h-1';
const RECORD = '#/record/anna/h-100';

function world(over: Partial<World> = {}): World {
  return {
    status: status(),
    inbox: { loaded: true, requests: [] },
    settled: [],
    history: history(),
    devices: devices(),
    number: '471',
    pin: '123456',
    passphrase: 'correct horse battery staple',
    userCode: { offered: false, set: false },
    password: 'correct horse',
    providers: [],
    failing: {},
    silent: [],
    ...over,
  };
}

function at(fragment: string, over: Partial<World> = {}): Scene {
  return { world: world(over), fragment };
}

/** A first start, with the key store as given. */
function fresh(key_store = status().key_store, over: Partial<World> = {}): Scene {
  return at('', { status: status({ accounts: [], key_store }), ...over });
}

function pairingAt(step: PairingView): Scene {
  return fresh(undefined, { pairingStopsAt: step });
}

/** One pending request, opened. */
function open(over: Partial<RequestContent> = {}, more: Partial<World> = {}): Scene {
  return at(DETAIL, { inbox: { loaded: true, requests: [request({ content: content(over) })] }, ...more });
}

/** A request that is over, opened. */
function over(state: RequestState, more: Partial<World> = {}): Scene {
  return at(DETAIL, { settled: [inState(state)], ...more });
}

const bank = { id: 'bank', name: 'Nordbank' };
const pay = [{ name: 'payments', text: 'Make one payment from your account' }];

function several(): RequestView[] {
  const now = Date.now();
  return [
    request(),
    request({
      handle: 'h-2',
      content: content({ client: bank, first_time: true, scopes: pay, details: PAYMENT, matching: { mode: 'type' }, needs_unlock: true, created_at: now - 5000, expires_at: now + 290_000 }),
    }),
    request({
      handle: 'h-3',
      content: content({
        client: { id: 'hr', name: 'Personalverwaltung der Gemeinde Niederösterreich-Süd' },
        scopes: [{ name: 'openid', text: 'Sign you in' }, { name: 'profile', text: 'Read your name and e-mail address' }],
        expires_at: now + 25_000,
      }),
    }),
  ];
}

const strange: RequestView = { account_id: 'anna', handle: 'h-9', state: { kind: 'cannot_verify' } };
const offlineSince = (): { kind: 'offline'; since: number } => ({ kind: 'offline', since: Date.now() - 600_000 });
const second = account({ id: 'work', name: 'Anna Berger (Werk)', issuer: 'https://sso.work.example', place: 'sso.work.example', backend: 'https://ad.work.example', device_name: 'ThinkPad' });
const sideBySide: Partial<World> = { status: status({ accounts: [account({ title: 'Example City' }), ACME, CLUB] }) };
const atAcme: Partial<World> = { status: status({ accounts: [{ ...ACME, id: 'anna' }] }) };
const inbox = (requests: RequestView[]): Partial<World> => ({ inbox: { loaded: true, requests } });
const unfinished = { kind: 'pending' } as const;

/** A message of every kind of trouble: bidi override, zero width, markup, newline, and no end. */
export const HOSTILE = `<img src=x onerror=alert(1)> Pay \u202E00.1 RUE\u202C to \u200Bme\n[click](javascript:alert(1)) ${'very '.repeat(400)}long`;

/** The scenes. Each is built when it is asked for, so that its times are true. */
export const scenes: Record<string, () => Scene> = {
  'first-run': () => fresh(),
  'first-run-no-key-store': () => fresh({ kind: 'none', state: 'missing', level: 'software' }),
  'locked-file': () => at('', { status: status({ key_store: { kind: 'encrypted_file', state: 'locked', level: 'software' } }) }),
  'locked-keyring': () => at('', { status: status({ key_store: { kind: 'secret_service', state: 'locked', level: 'software' } }) }),
  broken: () => at('', { failing: { get_status: 'internal' } }),
  'pair-resolving': () => pairingAt({ step: 'resolving' }),
  'pair-waiting': () => pairingAt({ step: 'waiting_for_browser', issuer: '', url: '' }),
  'pair-choose': () => fresh(undefined, { providers: [account({ title: 'Example City' }), ACME, CLUB] }),
  'pair-choose-strange': () =>
    fresh(undefined, {
      providers: [ACME, { issuer: 'https://xn--cme-5cd.example', place: 'xn--cme-5cd.example', title: 'Acme\u200B' }, { issuer: 'https://id.no-title.example/a-very-long-path-of-a-tenant-that-nobody-shortened', place: 'id.no-title.example/a-very-long-path-of-a-tenant-that-nobody-shortened' }],
    }),
  'pair-verifying': () => pairingAt({ step: 'verifying' }),
  'pair-registering': () => pairingAt({ step: 'registering' }),
  'pair-failed': () => fresh(undefined, { failing: { pair: 'not_countersign' } }),
  'pair-another': () => at('#/pair'),
  inbox: () => at('', inbox(several())),
  'inbox-empty': () => at(''),
  'inbox-loading': () => at('', { silent: ['get_inbox'] }),
  'inbox-polling': () => at('', { ...inbox([request()]), status: status({ accounts: [account({ connection: { kind: 'polling', every_seconds: 10 } })] }) }),
  'inbox-connecting': () => at('', { status: status({ accounts: [account({ connection: { kind: 'connecting' } })] }) }),
  'inbox-offline': () => at('', { ...inbox(several()), status: status({ accounts: [account({ connection: offlineSince() })] }) }),
  'inbox-accounts': () => at('', { ...inbox([request(), request({ account_id: 'work', handle: 'h-5' })]), status: status({ accounts: [account(), second] }) }),
  'inbox-providers': () => at('', { ...inbox([request(), request({ account_id: 'acme', handle: 'h-5' })]), ...sideBySide }),
  'inbox-removed': () => at('', { status: status({ accounts: [account({ removed: true })] }) }),
  'inbox-strange': () => at('', inbox([strange, request()])),
  'inbox-arrival': () => at('', { arriving: request() }),
  'request-loading': () => open({}, { silent: ['get_request'], inbox: { loaded: false, requests: [] } }),
  'request-show': () => open({ context: CONTEXT }),
  'request-show-sentence': () => open({ matching: { mode: 'show', message: 'Sign in to ACME Shop at till 4 in Linz' } }),
  'request-show-nothing': () => open({ matching: { mode: 'show' }, first_time: true }),
  'request-type': () => open({ matching: { mode: 'type' } }),
  'request-unlock': () => open({ matching: { mode: 'type' }, needs_unlock: true }),
  'request-bio': () => open({ needs_unlock: true }, { status: status({ accounts: [account({ uv_method: 'bio' })] }) }),
  'request-payment': () => open({ client: bank, scopes: pay, details: PAYMENT, context: CONTEXT, needs_unlock: true }),
  'request-unknown-details': () => open({ details: UNKNOWN_DETAILS }),
  'request-long-numbers': () => open({ details: LONG_NUMBERS }),
  'request-empty-details': () => open({ details: [] }),
  'request-last-seconds': () => open({ expires_at: Date.now() + 25_000 }),
  'request-hostile': () => open({ matching: { mode: 'show', message: HOSTILE }, client: { id: 'evil', name: 'ACME\u202EpohS' } }),
  'request-wrong-number': () => at(DETAIL, inbox([request({ state: { ...unfinished, tries_left: 1 }, content: content({ matching: { mode: 'type' } }) })])),
  'request-sending': () => at(DETAIL, inbox([inState({ kind: 'sending' })])),
  'request-offline': () => open({}, { failing: { approve: 'offline', deny: 'offline' } }),
  'request-offline-before': () => open({}, { status: status({ accounts: [account({ connection: offlineSince() })] }) }),
  'request-approved': () => over({ kind: 'decided', settled: settled({ state: 'approved' }) }),
  'request-received': () => over({ kind: 'decided', settled: settled({ state: 'approved' }) }, { history: [entry({ handle: 'h-1' })] }),
  'request-denied': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'changed_mind' }) }),
  'request-denied-too-many': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'too_many' }) }),
  'request-denied-not-me': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'not_me' }) }),
  'request-mismatch': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'number_mismatch' }) }),
  'request-expired': () => over({ kind: 'expired' }),
  'request-cancelled': () => over({ kind: 'cancelled' }),
  'request-superseded': () => at(DETAIL, { settled: [inState({ kind: 'superseded', by: 'h-2' })], ...inbox([request({ handle: 'h-2' })]) }),
  'request-elsewhere': () =>
    over({ kind: 'handled_elsewhere', settled: settled({ state: 'approved', decided_by: { device_id: 'd-2', name: 'Anna’s phone' } }), by: { device_id: 'd-2', name: 'Anna’s phone' } }),
  'request-elsewhere-denied': () =>
    over({ kind: 'handled_elsewhere', settled: settled({ state: 'denied', reason: 'not_me' }), by: { device_id: 'd-2', name: 'Anna’s phone' } }),
  'request-acme': () => open({ context: CONTEXT }, { ...atAcme, told: 'done' }),
  'request-acme-failed': () => open({}, { ...atAcme, told: 'failed' }),
  'request-acme-unclear': () => open({}, { ...atAcme, told: 'unclear' }),
  'request-telling': () => over({ kind: 'decided', settled: settled({ state: 'approved', delivery: 'owed' }) }, atAcme),
  'request-told': () => over({ kind: 'decided', settled: settled({ state: 'approved', delivery: 'done' }) }, atAcme),
  'request-failed': () => over({ kind: 'failed', settled: settled({ state: 'failed', delivery: 'failed' }) }, atAcme),
  'request-unclear': () => over({ kind: 'failed', settled: settled({ state: 'failed', delivery: 'unclear' }) }, atAcme),
  'request-denied-telling': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'changed_mind', delivery: 'owed' }) }, atAcme),
  'request-denied-told': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'changed_mind', delivery: 'done' }) }, atAcme),
  'request-denied-untold': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'changed_mind', delivery: 'failed' }) }, atAcme),
  'request-denied-unclear': () => over({ kind: 'decided', settled: settled({ state: 'denied', reason: 'changed_mind', delivery: 'unclear' }) }, atAcme),
  'request-elsewhere-telling': () =>
    over({ kind: 'handled_elsewhere', settled: settled({ state: 'approved', delivery: 'owed', decided_by: { device_id: 'd-2', name: 'Anna’s phone' } }), by: { device_id: 'd-2', name: 'Anna’s phone' } }, atAcme),
  'request-cannot-verify': () => at('#/request/anna/h-9', inbox([strange])),
  'request-removed': () => open({}, { status: status({ accounts: [account({ removed: true })] }) }),
  'request-error': () => at('#/request/anna/h-404'),
  history: () => at('#/history'),
  'history-acme': () => at('#/history', { ...atAcme, history: historyOfAcme() }),
  'history-providers': () => at('#/history', sideBySide),
  'history-empty': () => at('#/history', { history: [] }),
  'history-loading': () => at('#/history', { silent: ['get_history'] }),
  'history-offline': () => at('#/history', { failing: { get_history: 'offline' } }),
  record: () => at(RECORD),
  'record-denied': () => at('#/record/anna/h-102'),
  'record-missed': () => at('#/record/anna/h-103'),
  'record-unverified': () => at('#/record/anna/h-106'),
  'record-acme': () => at('#/record/anna/h-201', { ...atAcme, history: historyOfAcme() }),
  'record-failed': () => at('#/record/anna/h-202', { ...atAcme, history: historyOfAcme() }),
  'record-unclear': () => at('#/record/anna/h-203', { ...atAcme, history: historyOfAcme() }),
  'record-missing': () => at('#/record/anna/h-404'),
  devices: () => at('#/devices'),
  'devices-only': () => at('#/devices', { devices: devices().slice(0, 1) }),
  'devices-offline': () => at('#/devices', { failing: { get_devices: 'offline' } }),
  settings: () => at('#/settings'),
  'settings-code': () => at('#/settings', { userCode: { offered: true, set: false } }),
  'settings-code-set': () => at('#/settings', { userCode: { offered: true, set: true } }),
  'settings-code-offline': () => at('#/settings', { failing: { get_user_code: 'offline' } }),
  'settings-providers': () => at('#/settings', sideBySide),
  'settings-accounts': () => at('#/settings', { status: status({ accounts: [account(), { ...second, removed: true }] }) }),
};

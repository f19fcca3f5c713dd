/** People, clients and requests for the in-memory host. */
import { rows } from '../format/details';
import type { AccountView } from '../protocol/AccountView';
import type { ConnectionView } from '../protocol/ConnectionView';
import type { Delivery } from '../protocol/Delivery';
import type { DetailShown } from '../protocol/DetailShown';
import type { DeviceListed } from '../protocol/DeviceListed';
import type { HistoryEntryView } from '../protocol/HistoryEntryView';
import type { RequestContent } from '../protocol/RequestContent';
import type { RequestState } from '../protocol/RequestState';
import type { RequestView } from '../protocol/RequestView';
import type { SettledView } from '../protocol/SettledView';
import type { StatusView } from '../protocol/StatusView';

const MINUTE = 60_000;
const DAY = 86_400_000;

export const LIVE: ConnectionView = { kind: 'live' };

export function account(over: Partial<AccountView> = {}): AccountView {
  return {
    id: 'anna',
    name: 'Anna Berger',
    issuer: 'https://ad.example.org',
    place: 'ad.example.org',
    backend: 'https://ad.example.org',
    device_name: 'Anna’s ThinkPad',
    uv_method: 'pin',
    connection: LIVE,
    removed: false,
    ...over,
  };
}

/** The same person at the provider of the company she works for. */
export const ACME: AccountView = account({ id: 'acme', issuer: 'https://sso.acme.example/realms/acme', place: 'sso.acme.example/realms/acme', title: 'Acme' });

/** And at the one of a club, which calls itself nearly the same. */
export const CLUB: AccountView = account({ id: 'club', name: 'Anna B.', issuer: 'https://id.acne-club.example', place: 'id.acne-club.example', title: 'Acme Sports Club' });

export function status(over: Partial<StatusView> = {}): StatusView {
  return {
    app_version: '0.1.0',
    suggested_device_name: 'Anna’s ThinkPad',
    key_store: { kind: 'secret_service', state: 'ready', level: 'software' },
    accounts: [account()],
    ...over,
  };
}

/** A request's content. It began 20 seconds ago and has to be answered within two minutes, unless it says otherwise. */
export function content(over: Partial<RequestContent> = {}): RequestContent {
  const now = Date.now();
  return {
    client: { id: 'acme-shop', name: 'ACME Shop', uri: 'https://shop.acme.example' },
    first_time: false,
    scopes: [{ name: 'openid', text: 'Sign you in' }],
    matching: { mode: 'show', message: 'W4SCT' },
    needs_unlock: false,
    created_at: now - 20_000,
    expires_at: now + 2 * MINUTE,
    ...over,
  };
}

export function request(over: Partial<RequestView> = {}): RequestView {
  return { account_id: 'anna', handle: 'h-1', state: { kind: 'pending' }, content: content(), ...over };
}

/** The same request in another state. */
export function inState(state: RequestState, over: Partial<RequestContent> = {}): RequestView {
  return request({ state, content: content(over) });
}

export function settled(over: Partial<SettledView> & Pick<SettledView, 'state'>): SettledView {
  return { settled_at: Date.now() - 2000, decided_by: { device_id: 'd-1', name: 'Anna’s ThinkPad' }, ...over };
}

/** A payment as banks ask for it, in the operator's words, with members that nobody has words for. */
export const PAYMENT: DetailShown[] = [
  {
    title: 'Pay from your account',
    first: [
      { path: '/instructedAmount', depth: 0, key: 'instructedAmount', label: 'Amount', value: { kind: 'sum', amount: '1234.50', currency: 'EUR' } },
      { path: '/creditorName', depth: 0, key: 'creditorName', value: { kind: 'text', text: 'Werkstatt Blau GmbH' } },
      { path: '/creditorAccount/iban', depth: 0, key: 'iban', label: 'Account', value: { kind: 'text', text: 'DE02120300000000202051' } },
      { path: '/remittanceInformationUnstructured', depth: 0, key: 'remittanceInformationUnstructured', value: { kind: 'text', text: 'Invoice 2026-118' } },
    ],
    rest: rows({ type: 'payment_initiation', actions: ['initiate', 'status'], locations: ['https://bank.example/payments'] }),
  },
];

/** Details of a type nobody knows, long enough that they have to be scrolled. */
export const UNKNOWN_DETAILS: DetailShown[] = [
  {
    first: [],
    rest: rows({
      type: 'deploy',
      target: { cluster: 'production', region: 'eu-central', replicas: 12, canary: false, owner: null },
      steps: Array.from({ length: 14 }, (_, index) => ({ order: index + 1, run: `step-${String(index + 1)}`, rollback: index % 2 === 0 })),
      hidden_surcharge: { amount: '999.00', note: '' },
    }),
  },
];

/** Numbers that a machine would read and write again as others. */
export const LONG_NUMBERS: DetailShown[] = [
  {
    title: 'Move units',
    first: [{ path: '/units', depth: 0, key: 'units', label: 'Units', value: { kind: 'number', text: '12345678901234567890' } }],
    rest: [
      { path: '/type', depth: 0, key: 'type', value: { kind: 'text', text: 'transfer' } },
      { path: '/rate', depth: 0, key: 'rate', label: 'Rate', value: { kind: 'number', text: '12.10' } },
      { path: '/fee', depth: 0, key: 'fee', value: { kind: 'sum', amount: '0.10', currency: 'EUR' } },
    ],
  },
];

/** Where a request began, as a client may report it. */
export const CONTEXT = { reported: { device: 'Firefox 143 on Windows', location: 'Berlin, Germany', ip: '203.0.113.7', order: { id: 'A-4711', items: 3 } } };

export function entry(over: Partial<HistoryEntryView> = {}): HistoryEntryView {
  const now = Date.now();
  return {
    handle: 'h-100',
    settled: settled({ state: 'approved', settled_at: now - 5 * MINUTE }),
    client: { id: 'acme-shop', name: 'ACME Shop', uri: 'https://shop.acme.example' },
    scopes: [{ name: 'openid', text: 'Sign you in' }],
    message: 'W4SCT',
    created_at: now - 6 * MINUTE,
    received_at: now - 4 * MINUTE,
    receipt: '{"request":"eyJ…","decision":"eyJ…"}',
    receipt_verified: true,
    ...over,
  };
}

/** An entry that ended without a decision. */
function undecided(over: Partial<HistoryEntryView> & { state: SettledView['state']; at: number }): HistoryEntryView {
  const { state, at, ...rest } = over;
  const whole = entry({ settled: { state, settled_at: at }, created_at: at - 2 * MINUTE, receipt_verified: false, ...rest });
  delete whole.receipt;
  delete whole.received_at;
  return whole;
}

export function history(): HistoryEntryView[] {
  const now = Date.now();
  const bank = { id: 'bank', name: 'Nordbank' };
  const desk = { id: 'helpdesk', name: 'IT Helpdesk' };
  const pay = [{ name: 'payments', text: 'Make one payment' }];
  const phone = { device_id: 'd-2', name: 'Anna’s phone' };
  const paid = entry({ handle: 'h-101', client: bank, scopes: pay, settled: settled({ state: 'approved', settled_at: now - 90 * MINUTE, decided_by: phone }), created_at: now - 91 * MINUTE });
  delete paid.message;
  const denied = entry({ handle: 'h-102', client: desk, message: 'Please confirm to the agent', settled: settled({ state: 'denied', reason: 'not_me', settled_at: now - DAY }), created_at: now - DAY - MINUTE });
  delete denied.received_at;
  return [
    entry(),
    paid,
    denied,
    undecided({ handle: 'h-103', client: bank, scopes: pay, state: 'expired', at: now - DAY - 60 * MINUTE }),
    undecided({ handle: 'h-104', state: 'superseded', at: now - 3 * DAY }),
    undecided({ handle: 'h-105', state: 'cancelled', at: now - 3 * DAY - MINUTE }),
    entry({ handle: 'h-106', client: bank, scopes: pay, settled: settled({ state: 'failed', delivery: 'failed', settled_at: now - 9 * DAY }), created_at: now - 9 * DAY - MINUTE, receipt_verified: false }),
  ];
}

/** What was approved and denied at another provider, with every ending that telling it can have. */
export function historyOfAcme(): HistoryEntryView[] {
  const now = Date.now();
  const told = (handle: string, minutes: number, state: SettledView['state'], delivery: Delivery): HistoryEntryView => {
    const at = now - minutes * MINUTE;
    const whole = entry({ handle, settled: settled({ state, delivery, settled_at: at }), created_at: at - MINUTE });
    delete whole.received_at;
    return whole;
  };
  return [told('h-200', 1, 'approved', 'owed'), told('h-201', 9, 'approved', 'done'), told('h-202', 40, 'failed', 'failed'), told('h-203', 70, 'failed', 'unclear'), told('h-204', 90, 'denied', 'unclear')];
}

export function devices(): DeviceListed[] {
  const now = Date.now();
  const common = { app_version: '0.1.0', uv_method: 'pin', push: 'stream' } as const;
  return [
    { ...common, device_id: 'd-1', name: 'Anna’s ThinkPad', platform: 'linux', key_level: 'software', created_at: now - 40 * DAY, last_seen_at: now, current: true },
    { ...common, device_id: 'd-2', name: 'Anna’s phone', platform: 'android', key_level: 'hardware', push: 'fcm', created_at: now - 120 * DAY, last_seen_at: now - 30 * MINUTE, current: false },
    { device_id: 'd-3', name: 'Old pager', push: 'web_push', created_at: now - 400 * DAY, last_seen_at: now - 120 * DAY, current: false },
  ];
}

// Every sentence that depends on what happened.
import { clockTime, fullTime } from './dom.js';

const outcomes = {
  shop: {
    approved: ({ claims }) => ['Paid', `Thank you${claims.name ? `, ${claims.name}` : ''}. The lamp is on its way, as far as demos go.`],
    denied: () => ['Payment denied', 'The answer on the device was no. Nothing was charged.'],
    expired: () => ['No answer in time', 'The request ran out. Nothing was charged; you can pay again.'],
    cancelled: (view) => ['Payment stopped', `Nothing was charged. ${runsOut(view)}`],
    failed: () => ['Payment not completed', 'Nothing was charged.'],
  },
  'call-centre': {
    approved: ({ claims }) => ['Caller verified', `This is ${claims.name ?? claims.sub}. You may open the account.`],
    denied: () => ['The caller said no', 'Do not open the account. Somebody may be pretending: offer to call back.'],
    expired: () => ['No answer in time', 'Nobody answered on the device. Nothing is verified; ask again or call back.'],
    cancelled: (view) => ['Question withdrawn', `Nothing is verified. ${runsOut(view)}`],
    failed: () => ['Not verified', 'Treat the caller as unknown.'],
  },
  // A terminal prints one line.
  terminal: {
    approved: ({ claims }) => ['', `Approved by ${claims.name ?? claims.sub}.`],
    denied: () => ['', 'Permission denied: the answer on the device was no.'],
    expired: () => ['', 'Timed out: nobody answered on the device.'],
    cancelled: (view) => ['', `Interrupted. ${runsOut(view)}`],
    failed: () => ['', 'Connection closed.'],
  },
};

// A client cannot take a CIBA request back, and should not pretend to.
const runsOut = (view) => `On the device the request runs out by itself at ${clockTime(view.expires_at)}.`;

/** Headline and sentence for a settled request. */
export const outcome = (view, scene) => outcomes[scene][view.name](view);

const troubles = {
  slow_down: 'The provider asked for more patience; this page now asks less often.',
  busy: 'The provider is busy. Still waiting, nothing is lost.',
  unreachable: 'The provider cannot be reached at the moment. Trying again, nothing is lost.',
};

/** What stands in the way right now, or an empty string. */
export const trouble = (view) => troubles[view.trouble] ?? '';

const reasons = {
  unknown_user_id: 'The provider knows nobody by that name, or they have no device to ask.',
  invalid_binding_message: 'The provider refused the message.',
  invalid_scope: 'This client may not ask for that. Check its scopes.',
  unauthorized_client: 'This client may not use CIBA. Check its grants.',
  invalid_client: 'The provider does not know this client, or the secret is wrong.',
  access_denied: 'The provider did not pass the question on. Perhaps there were too many.',
  invalid_grant: 'The provider no longer knows this request.',
  invalid_request: 'The provider did not understand the request, and asking again would not help.',
  unreachable: 'The provider cannot be reached.',
  busy: 'The provider is busy. Try again shortly.',
  invalid_answer: 'The provider’s answer could not be verified, so it does not count.',
  too_many: 'Too many requests are open in this demo. Let one finish first.',
  demo_gone: 'The demo was stopped or restarted. Ask again.',
};

/** Why something failed, for people. The provider's own words come after ours, as text. */
export function reason({ code, detail }) {
  if (code === 'invalid_input') return detail;
  return [reasons[code] ?? `The provider answered “${code}”.`, detail].filter(Boolean).join(' ');
}

const claimNames = {
  iss: 'Issued by',
  sub: 'Person',
  aud: 'For client',
  name: 'Name',
  email: 'E-mail',
  phone_number: 'Phone',
  auth_time: 'Authenticated at',
  acr: 'Assurance',
  amr: 'How',
  iat: 'Issued at',
  exp: 'Valid until',
};

/** `[claim, label, value]` of each claim: the ones people know first, the rest as they come. */
export function claimRows(claims) {
  const known = Object.keys(claimNames).filter((claim) => claim in claims);
  const rest = Object.keys(claims).filter((claim) => !(claim in claimNames));
  return [...known, ...rest].map((claim) => [claim, claimNames[claim] ?? '', claimValue(claim, claims[claim])]);
}

function claimValue(claim, value) {
  if (['auth_time', 'iat', 'exp'].includes(claim) && Number.isFinite(value)) return fullTime(value * 1000);
  if (Array.isArray(value)) return value.map(String).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const events = {
  accepted: ({ seconds }) => `accepted; the request lives ${seconds} s`,
  pending: ({ seconds }) => `authorization_pending; next poll after ${seconds} s`,
  slow_down: ({ seconds }) => `slow_down; from now on ${seconds} s between polls`,
  busy: ({ seconds }) => `busy; next poll after ${seconds} s`,
  unreachable: ({ seconds }) => `no answer; next try after ${seconds} s`,
  tokens: () => 'tokens; ID token verified',
  no_answer: () => 'no final answer in time; stopped',
  stopped: () => 'stopped polling',
};

/** One line of the log. */
export const logLine = (entry) => `${events[entry.event]?.(entry) ?? entry.event}${entry.count > 1 ? ` (${entry.count} times)` : ''}`;

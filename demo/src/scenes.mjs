// What each scene asks for. A scene turns the page's input into the parameters of a backchannel authentication request.
import { randomInt } from 'node:crypto';

const AMOUNT = { currency: 'EUR', amount: '42.00' };

// Short, distinct when spoken on a bad line, and never rude in a pair.
const FIRST = 'amber bright calm copper early gentle golden green lucky marble misty noble olive quiet rapid silver solid sunny velvet winter'.split(' ');
const SECOND = 'anchor basket bridge candle comet falcon forest garden harbor island lantern meadow otter pepper rocket saddle thunder violin walnut window'.split(' ');

/** Thrown for input that names nobody; the message is for people. */
export class InputError extends Error {}

// The person reads this number here and types it on their device: someone who approves without seeing this page cannot guess it.
// It never starts with a zero, because people leave those out.
const digits = (count) => String(randomInt(10 ** (count - 1), 10 ** count));
const words = () => `${FIRST[randomInt(FIRST.length)]} ${SECOND[randomInt(SECOND.length)]}`;

function person(input) {
  const hint = typeof input.login_hint === 'string' ? input.login_hint.trim() : '';
  if (hint === '' || hint.length > 128) throw new InputError('Say who should be asked: a user name, an e-mail address or a phone number.');
  return hint;
}

const scenes = {
  shop: (input, config, metadata) => ({
    login_hint: person(input),
    scope: config.paymentScope,
    binding_message: digits(4),
    // A provider that understands payments shows amount and payee on the device; others would refuse the parameter.
    ...(metadata.authorization_details_types_supported?.includes('payment_initiation') && {
      authorization_details: JSON.stringify([{ type: 'payment_initiation', instructedAmount: AMOUNT, creditorName: 'Demo Shop' }]),
    }),
  }),
  // The agent reads two words out, the caller compares them: nothing to type while holding a phone.
  'call-centre': (input, config) => ({ login_hint: person(input), scope: config.scope, binding_message: words() }),
  terminal: (input, config) => ({ login_hint: person(input), scope: config.scope, binding_message: digits(2) }),
};

/** The parameters that scene `name` sends. Throws `InputError` for an unknown scene or a missing person. */
export function parametersFor(name, input, config, metadata) {
  if (!Object.hasOwn(scenes, name)) throw new InputError('There is no such scene.');
  return { ...scenes[name](input, config, metadata), requested_expiry: String(config.requestedExpiry) };
}

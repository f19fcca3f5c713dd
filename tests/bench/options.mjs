// The load generator's command line.

const DEFAULTS = {
  issuer: '',
  'bca-url': '',
  'token-url': '',
  'jwks-url': '',
  client: 'load',
  secret: '',
  auth: 'client_secret_basic',
  key: '',
  kid: '',
  alg: 'ES256',
  grants: '2000',
  polls: '',
  open: '',
  concurrency: '32',
  warmup: '200',
  'max-seconds': '300',
  scope: 'openid',
  hint: 'user{n}',
  'hint-param': 'login_hint',
  'hint-mod': '1000',
  'binding-message': 'W4SCT-{n}',
  'acr-values': '',
  'user-code': '',
  'requested-expiry': '',
  param: [],
  signed: false,
  'complete-url': '',
  'complete-method': 'POST',
  'complete-body': '',
  'complete-type': 'application/json',
  'complete-header': [],
  action: 'approve',
  'deny-every': '0',
  'pending-polls': '0',
  'poll-ms': '5',
  'poll-max': '400',
  mode: 'poll',
  'notify-listen': '',
  'notify-cert': '',
  'notify-key': '',
  pid: '',
  children: false,
  verify: '20',
  insecure: false,
  json: '',
  quiet: false,
};

const USAGE = 'usage: node ciba-load.mjs --issuer URL --client ID --secret S [options]   (all of them: README.md)';

/** Reads the command line; ends the process when it is wrong. */
export function readOptions(words) {
  const options = structuredClone(DEFAULTS);
  const left = [...words];
  while (left.length > 0) {
    const word = left.shift();
    const name = word.replace(/^--/, '');
    if (!(name in DEFAULTS) || name === word) wrong(`unknown option ${word}`);
    if (typeof DEFAULTS[name] === 'boolean') {
      options[name] = true;
      continue;
    }
    if (left.length === 0) wrong(`${word} needs a value`);
    if (Array.isArray(DEFAULTS[name])) options[name].push(left.shift());
    else options[name] = left.shift();
  }
  if (!options.issuer && !options['bca-url']) wrong('--issuer or --bca-url is missing');
  return options;
}

function wrong(what) {
  console.error(`${what}\n${USAGE}`);
  process.exit(2);
}

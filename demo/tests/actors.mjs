// Who takes part in the tests: the real node-oidc-provider as the provider, the demo as a process of its own, and a person's answer.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PEER = fileURLToPath(new URL('../../tests/bench/peer/', import.meta.url));
const DEMO = fileURLToPath(new URL('../', import.meta.url));
const SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret';

/** Starts a program and waits for the line that names its address. */
async function run(cwd, env) {
  const child = spawn(process.execPath, ['server.mjs'], { cwd, env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors = [];
  child.stderr.on('data', (chunk) => errors.push(chunk));
  for await (const line of createInterface({ input: child.stdout })) {
    const [, address] = /listening on (\S+)/.exec(line) ?? [];
    if (address) return { address, child, stop: () => stop(child) };
  }
  throw new Error(`${cwd} did not start: ${Buffer.concat(errors)}`);
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** The provider, with the person's answer as two calls. */
export async function startPeer(env = {}) {
  const peer = await run(PEER, { NODE_ENV: 'production', PORT: '0', ID_ALG: 'ES256', ...env });
  const answer = async (action, message) => {
    const response = await fetch(`${peer.address}/hook/complete?${new URLSearchParams({ action, binding_message: message })}`, { method: 'POST' });
    if (!response.ok) throw new Error(`the peer answered ${response.status}: ${await response.text()}`);
  };
  return { ...peer, approve: (message) => answer('approve', message), deny: (message) => answer('deny', message) };
}

/** The demo's settings for asking `issuer`, as environment. */
export const settingsFor = (issuer) => ({ ISSUER: issuer, CLIENT_ID: 'load', CLIENT_SECRET: SECRET, LOGIN_HINT: 'anna', PAYMENT_SCOPE: 'openid profile' });

/** The demo, asking `issuer`. */
export function startDemo(issuer, env = {}) {
  return run(DEMO, { ...settingsFor(issuer), ...env });
}

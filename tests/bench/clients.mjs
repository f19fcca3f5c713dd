// The clients of the benchmark, as each system has to know them: by secret, by key, and called at an endpoint.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A key for the clients that have one, and a certificate for the endpoint of the one that is called; files in `folder`. */
export async function credentials(folder) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = path.join(folder, 'client.jwk');
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: 'load', alg: 'ES256', use: 'sig' };
  const jwks = path.join(folder, 'client.jwks');
  fs.writeFileSync(key, JSON.stringify(privateKey.export({ format: 'jwk' })), { mode: 0o600 });
  fs.writeFileSync(jwks, JSON.stringify({ keys: [publicJwk] }));
  const [certificate, certificateKey] = ['endpoint.crt', 'endpoint.key'].map((name) => path.join(folder, name));
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=notification endpoint'];
  execFileSync('openssl', [...words, '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', certificateKey, '-out', certificate], { stdio: 'ignore' });
  const listen = `127.0.0.1:${await freePort()}`;
  return { key, jwks, publicJwk, certificate, certificateKey, listen, endpoint: `https://${listen}/called` };
}

/** What the generator is told of the client `id` of this shape. */
export function words(shape, { id, secret }, { key, certificate, certificateKey, listen }) {
  const byKey = ['--client', id, '--auth', 'private_key_jwt', '--key', key, '--kid', 'load', '--alg', 'ES256'];
  if (shape === 'key') return byKey;
  if (shape === 'signed') return [...byKey, '--signed'];
  const bySecret = ['--client', id, '--secret', secret];
  if (shape !== 'ping') return bySecret;
  return [...bySecret, '--mode', 'ping', '--notify-listen', listen, '--notify-cert', certificate, '--notify-key', certificateKey];
}

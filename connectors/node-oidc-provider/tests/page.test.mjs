// What docs/connectors/node-oidc-provider.md has operators write is a provider that starts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { newSecret } from './stage.mjs';

const here = import.meta.dirname;

test('the provider of the page starts, asks by CIBA and has the route for results', async (t) => {
  const page = fs.readFileSync(path.join(here, '../../../docs/connectors/node-oidc-provider.md'), 'utf8');
  const [, code] = /```js\n(import[^`]*)```/.exec(page);
  // Inside the package its own name leads to it, as an installed one does.
  const folder = fs.mkdtempSync(path.join(here, 'page-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.writeFileSync(path.join(folder, 'acme.secret'), `${newSecret()}\n`);
  const file = path.join(folder, 'provider.mjs');
  const secret = JSON.stringify(path.join(folder, 'acme.secret'));
  fs.writeFileSync(file, `${code.replace("'acme.secret'", secret)}\nconst idOfAccount = (hint) => hint;\nexport { provider };\n`);
  const { provider } = await import(pathToFileURL(file));
  const server = provider.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close() && server.closeAllConnections());
  const origin = `http://127.0.0.1:${server.address().port}`;
  const { backchannel_token_delivery_modes_supported: modes } = await (await fetch(`${origin}/.well-known/openid-configuration`)).json();
  assert.deepEqual(modes, ['poll', 'ping']);
  assert.equal((await fetch(`${origin}/countersign/callback`, { method: 'POST', body: '{}' })).status, 401);
  assert.equal((await provider.Client.find('countersign-app')).applicationType, 'native');
});

// Countersign's demo shop: a consumption device that asks a person for approval with OpenID CIBA.
import { once } from 'node:events';
import { Approvals } from './src/approvals.mjs';
import { ConfigError, readConfig } from './src/config.mjs';
import { createDemoServer } from './src/http.mjs';
import { discover } from './src/provider.mjs';

try {
  const config = readConfig(process.env);
  const approvals = new Approvals(await discover(config), config);
  const server = await createDemoServer(approvals, config);
  // Loopback only: the demo has no sign-in of its own.
  server.listen(config.port, '127.0.0.1');
  await once(server, 'listening');
  console.log(`listening on http://127.0.0.1:${server.address().port}`);

  const stop = () => {
    approvals.close();
    server.close();
    server.closeAllConnections();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
} catch (error) {
  // The cause says more than the error: which connection, which member of the metadata.
  console.error(`The demo cannot start: ${error.message}${error.cause?.message ? ` (${error.cause.message})` : ''}`);
  if (error instanceof ConfigError) console.error('It needs ISSUER, CLIENT_ID and CLIENT_SECRET; see demo/README.md.');
  process.exitCode = 1;
}

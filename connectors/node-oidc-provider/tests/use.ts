// How an operator's TypeScript sees the package: checked by `npm run check`, never run.
import Provider from 'oidc-provider';

import { countersign } from '../src/index.js';

const connector = countersign({
  provider: () => provider,
  intake: 'https://countersign.example/connectors/op/requests',
  secret: 'whsec_',
  bindingMode: (client) => (client.clientId === 'bank' ? 'type' : 'auto'),
  settled: ({ result }) => archive(result.id, result.receipt?.decision),
});

export const provider: Provider = new Provider('https://op.example', {
  features: {
    ciba: {
      enabled: true,
      deliveryModes: ['poll', 'ping'],
      processLoginHint: async (_ctx, hint) => hint,
      processLoginHintToken: () => undefined,
      validateRequestContext: () => undefined,
      verifyUserCode: () => undefined,
      triggerAuthenticationDevice: connector.triggerAuthenticationDevice,
    },
  },
});
provider.use(connector.callback('/countersign/callback'));

async function archive(_id: string, _decision: string | undefined): Promise<void> {}

import { expect, it } from 'vitest';
import type { Host } from '../host/types';
import { account, ACME, CLUB } from '../host/fixtures';
import type { AccountView } from '../protocol/AccountView';
import type { StatusView } from '../protocol/StatusView';
import { Session } from './session.svelte';

const OLD: StatusView = {
  app_version: '1',
  suggested_device_name: 'old',
  key_store: { kind: 'memory', state: 'ready', level: 'software' },
  accounts: [],
};

it('an answer that was asked for before the app told something newer does not take its place', async () => {
  let tell: (status: StatusView) => void = () => undefined;
  let answer: (status: StatusView) => void = () => undefined;
  const host = {
    on: (event: string, listen: (status: StatusView) => void) => {
      if (event === 'status') tell = listen;
      return () => undefined;
    },
    get_status: () =>
      new Promise<StatusView>((resolve) => {
        answer = resolve;
      }),
  } as unknown as Host;
  const session = new Session(host);
  session.start();
  tell({ ...OLD, suggested_device_name: 'new' });
  answer(OLD);
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  expect(session.status?.suggested_device_name, 'or a live connection would be shown as connecting for good').toBe('new');
});

function withAccounts(accounts: AccountView[]): Session {
  const session = new Session({} as Host);
  session.status = { ...OLD, accounts };
  return session;
}

it('names the provider where it could be another', () => {
  const own = account();
  expect(withAccounts([own]).label(own), 'one account of the backend itself needs no more').toBe('Anna Berger');
  expect(withAccounts([ACME]).label(ACME), 'a provider that is not the backend is always named').toBe('Anna Berger · Acme');
  expect(withAccounts([own, ACME]).label(own), 'beside another every account says whose it is').toBe('Anna Berger · ad.example.org');
});

/** V-021 */
it('two providers with one title are told apart by their addresses', () => {
  const copy = { ...CLUB, title: 'Acme' };
  const session = withAccounts([ACME, copy]);
  expect(session.provider(ACME), 'V-021').toBe('Acme (sso.acme.example/realms/acme)');
  expect(session.provider(copy), 'V-021').toBe('Acme (id.acne-club.example)');
});

import { expect, it } from 'vitest';
import type { Host } from '../host/types';
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

import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, expect, it } from 'vitest';
import { host } from './tauri';
import type { Host } from './types';

const INPUT = { account_id: 'a', handle: 'h', device_id: 'd', name: 'n', text: 't', passphrase: 'p' };
const ALONE: readonly (keyof Host)[] = ['get_status', 'cancel_pairing', 'reopen_browser', 'get_inbox', 'refresh'];

afterEach(async () => {
  await new Promise((resolve) => setTimeout(resolve));
  clearMocks();
});

it('every command is called by its own name, with one object named input or with nothing', async () => {
  const called: [string, unknown][] = [];
  mockIPC((command, args) => {
    called.push([command, args]);
  });
  const commands = (Object.keys(host) as (keyof Host)[]).filter((name) => name !== 'on');
  for (const name of commands) await (host[name] as (input: unknown) => Promise<unknown>)(INPUT);
  expect(called).toEqual(commands.map((name) => [name, ALONE.includes(name) ? {} : { input: INPUT }]));
});

it('hands on what the app tells, until it is told to stop', async () => {
  const { emit } = await import('@tauri-apps/api/event');
  mockIPC(() => undefined, { shouldMockEvents: true });
  const heard: unknown[] = [];
  const stop = host.on('inbox', (payload) => heard.push(payload));
  await new Promise((resolve) => setTimeout(resolve));
  await emit('inbox', { loaded: true, requests: [] });
  stop();
  await new Promise((resolve) => setTimeout(resolve));
  await emit('inbox', { loaded: false, requests: [] });
  expect(heard).toEqual([{ loaded: true, requests: [] }]);
});

it('asks for a whole state only when its changes are heard', async () => {
  const called: string[] = [];
  mockIPC(
    async (command) => {
      if (command === 'plugin:event|listen') await new Promise((resolve) => setTimeout(resolve, 20));
      called.push(command);
      return 1;
    },
  );
  host.on('status', () => undefined);
  await host.get_status();
  expect(called, 'a change between answer and listening would be lost').toEqual(['plugin:event|listen', 'get_status']);
});

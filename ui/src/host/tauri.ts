/** The host inside the app: the only file that knows Tauri. */
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { Host, HostEvents, Unsubscribe } from './types';

function ask<T>(command: string): () => Promise<T> {
  return () => invoke<T>(command);
}

function send<I, T>(command: string): (input: I) => Promise<T> {
  return (input) => invoke<T>(command, { input });
}

/** Settles when everything that was asked to listen does. */
let listens: Promise<unknown> = Promise.resolve();

/** Asks for a whole state only when its changes are heard, so that none falls in between. */
function askAfterListening<T>(command: string): () => Promise<T> {
  return () => listens.then(() => invoke<T>(command));
}

function on<E extends keyof HostEvents>(event: E, tell: (payload: HostEvents[E]) => void): Unsubscribe {
  const listening = listen<HostEvents[E]>(event, ({ payload }) => {
    tell(payload);
  });
  listens = Promise.all([listens, listening]);
  return () => {
    void listening.then((stop) => {
      stop();
    });
  };
}

/** The app. */
export const host: Host = {
  get_status: askAfterListening('get_status'),
  choose_encrypted_file: send('choose_encrypted_file'),
  unlock_key_store: send('unlock_key_store'),
  pair: send('pair'),
  choose_provider: send('choose_provider'),
  cancel_pairing: ask('cancel_pairing'),
  reopen_browser: ask('reopen_browser'),
  get_inbox: askAfterListening('get_inbox'),
  refresh: ask('refresh'),
  get_request: send('get_request'),
  present: send('present'),
  conceal: send('conceal'),
  approve: send('approve'),
  deny: send('deny'),
  get_history: send('get_history'),
  save_receipt: send('save_receipt'),
  get_devices: send('get_devices'),
  rename_device: send('rename_device'),
  revoke_device: send('revoke_device'),
  get_user_code: send('get_user_code'),
  set_user_code: send('set_user_code'),
  sign_out: send('sign_out'),
  copy_text: send('copy_text'),
  on,
};

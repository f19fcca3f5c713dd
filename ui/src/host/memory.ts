/**
 * An app in memory: behaves as the real one does towards the window, keeps nothing, signs nothing, reaches nobody.
 *
 * It is in the builds for the browser (demonstrations, pictures, tests) only.
 */
import type { AccountView } from '../protocol/AccountView';
import type { ApproveInput } from '../protocol/ApproveInput';
import type { Delivery } from '../protocol/Delivery';
import type { DenyInput } from '../protocol/DenyInput';
import type { DeviceListed } from '../protocol/DeviceListed';
import type { ErrorCode } from '../protocol/ErrorCode';
import type { ErrorView } from '../protocol/ErrorView';
import type { HistoryEntryView } from '../protocol/HistoryEntryView';
import type { InboxView } from '../protocol/InboxView';
import type { PairingView } from '../protocol/PairingView';
import type { PairInput } from '../protocol/PairInput';
import type { ProviderView } from '../protocol/ProviderView';
import type { RequestState } from '../protocol/RequestState';
import type { RequestView } from '../protocol/RequestView';
import type { SettledView } from '../protocol/SettledView';
import type { StatusView } from '../protocol/StatusView';
import type { UserCodeInput } from '../protocol/UserCodeInput';
import type { UserCodeView } from '../protocol/UserCodeView';
import { account, entry } from './fixtures';
import type { Host, HostEvents, RequestInput } from './types';

/** A command's failure. */
export function failure(code: ErrorCode): ErrorView {
  return { code, message: `in-memory host: ${code}` };
}

/** Everything the in-memory app knows, and how it should misbehave. */
export interface World {
  status: StatusView;
  inbox: InboxView;
  /** Requests that the app still knows though they wait no longer. */
  settled: RequestView[];
  history: HistoryEntryView[];
  devices: DeviceListed[];
  /** The number on the other screen. */
  number: string;
  pin: string;
  passphrase: string;
  /** What the backend says of the code that shops ask for. */
  userCode: UserCodeView;
  /** A code that the backend takes for the person's password. */
  password: string;
  /** Commands that fail, and how. */
  failing: Partial<Record<keyof Host, ErrorCode>>;
  /** Commands that never answer. */
  silent: (keyof Host)[];
  /** Where pairing stops and waits: absent when it runs through. */
  pairingStopsAt?: PairingView;
  /** Where people can sign in: with more than one, pairing asks. */
  providers: ProviderView[];
  /** How telling another provider ends, some time after a decision. Absent where there is nobody to tell. */
  told?: Exclude<Delivery, 'owed'>;
  /** Arrives some seconds after the window has opened. */
  arriving?: RequestView;
}

type Listener = (payload: never) => void;

export class MemoryHost implements Host {
  /** Every call with its input: what a test looks at. */
  readonly calls: { command: string; input: unknown }[] = [];
  private readonly listeners = new Map<string, Set<Listener>>();
  private cancelPairing: ((reason: ErrorView) => void) | undefined;
  private chosen: ((issuer: string) => void) | undefined;
  private tries = 2;

  constructor(readonly world: World) {
    const { arriving } = world;
    if (arriving === undefined) return;
    setTimeout(() => {
      this.world.inbox = { loaded: true, requests: [...this.world.inbox.requests, arriving] };
      this.tell('inbox', this.world.inbox);
    }, 1500);
  }

  on<E extends keyof HostEvents>(event: E, listen: (payload: HostEvents[E]) => void): () => void {
    const listening = this.listeners.get(event) ?? new Set<Listener>();
    this.listeners.set(event, listening);
    listening.add(listen);
    return () => {
      listening.delete(listen);
    };
  }

  /** Tells the window something. */
  tell<E extends keyof HostEvents>(event: E, payload: HostEvents[E]): void {
    for (const listen of this.listeners.get(event) ?? []) (listen as (payload: HostEvents[E]) => void)(payload);
  }

  get_status = () => this.answer('get_status', undefined, () => this.world.status);

  choose_encrypted_file = (input: { passphrase: string }) =>
    this.answer('choose_encrypted_file', input, () => {
      this.world.passphrase = input.passphrase;
      return this.setKeyStore();
    });

  unlock_key_store = (input: { passphrase: string }) =>
    this.answer('unlock_key_store', input, () => {
      if (input.passphrase !== this.world.passphrase) throw failure('key_store_locked');
      return this.setKeyStore();
    });

  pair = async (input: PairInput): Promise<AccountView> => {
    await this.answer('pair', input, () => undefined);
    const stop = this.world.pairingStopsAt;
    const { providers } = this.world;
    let issuer = input.issuer ?? providers[0]?.issuer ?? account().issuer;
    if (providers.length > 1 && input.issuer === undefined) {
      this.tell('pairing', { step: 'choose_provider', providers });
      issuer = await new Promise<string>((resolve, reject) => {
        this.chosen = resolve;
        this.cancelPairing = reject;
      });
    }
    const steps: PairingView[] = [
      { step: 'resolving' },
      { step: 'waiting_for_browser', issuer, url: `${issuer}/authorize?client_id=countersign&state=x7` },
      { step: 'verifying' },
      { step: 'registering' },
    ];
    for (const step of steps) {
      this.tell('pairing', step);
      await this.pause(step.step === stop?.step ? undefined : 400);
    }
    if (stop?.step === 'failed') throw stop.error;
    const at = providers.find((provider) => provider.issuer === issuer);
    const paired = account({ ...at, id: `account-${String(this.world.status.accounts.length + 1)}`, device_name: input.device_name });
    this.world.status = { ...this.world.status, accounts: [...this.world.status.accounts, paired] };
    return paired;
  };

  choose_provider = (input: { issuer: string }) =>
    this.answer('choose_provider', input, () => {
      if (!this.world.providers.some(({ issuer }) => issuer === input.issuer)) throw failure('not_found') as unknown as Error;
      this.chosen?.(input.issuer);
    });

  cancel_pairing = () =>
    this.answer('cancel_pairing', undefined, () => {
      this.cancelPairing?.(failure('cancelled'));
    });

  reopen_browser = () => this.answer('reopen_browser', undefined, () => undefined);

  get_inbox = () => this.answer('get_inbox', undefined, () => this.world.inbox);

  refresh = () =>
    this.answer('refresh', undefined, () => {
      this.tell('inbox', this.world.inbox);
    });

  get_request = (input: RequestInput) => this.answer('get_request', input, () => this.request(input));

  present = (input: RequestInput) => this.answer('present', input, () => undefined);

  conceal = (input: RequestInput) => this.answer('conceal', input, () => undefined);

  approve = (input: ApproveInput) =>
    this.answer('approve', input, () => {
      const request = this.request(input);
      if (request.content?.needs_unlock === true && input.pin !== this.world.pin) throw failure('wrong_pin');
      if (request.content?.matching.mode === 'type' && input.matched !== this.world.number) {
        this.tries -= 1;
        if (this.tries <= 0) return this.settle(request, { state: 'denied', reason: 'number_mismatch' });
        return this.replace({ ...request, state: { kind: 'pending', tries_left: this.tries } });
      }
      return this.settle(request, { state: 'approved' });
    });

  deny = (input: DenyInput) => this.answer('deny', input, () => this.settle(this.request(input), { state: 'denied', reason: input.reason }));

  get_history = (input: { account_id: string; before?: number }) =>
    this.answer('get_history', input, () => {
      const PAGE = 5;
      const after = this.world.history.filter(({ settled }) => input.before === undefined || (settled.settled_at ?? 0) < input.before);
      const page = after.slice(0, PAGE);
      const next = after.length > PAGE ? page.at(-1)?.settled.settled_at : undefined;
      return { entries: page, ...(next === undefined ? {} : { next }) };
    });

  save_receipt = (input: RequestInput) => this.answer('save_receipt', input, () => `~/Documents/receipt-${input.handle}.json`);

  get_devices = (input: { account_id: string }) => this.answer('get_devices', input, () => ({ devices: this.world.devices }));

  rename_device = (input: { account_id: string; device_id: string; name: string }) =>
    this.answer('rename_device', input, () => {
      this.world.devices = this.world.devices.map((device) => (device.device_id === input.device_id ? { ...device, name: input.name } : device));
    });

  revoke_device = (input: { account_id: string; device_id: string }) =>
    this.answer('revoke_device', input, () => {
      this.world.devices = this.world.devices.filter(({ device_id }) => device_id !== input.device_id);
    });

  get_user_code = (input: { account_id: string }) => this.answer('get_user_code', input, () => this.world.userCode);

  set_user_code = (input: UserCodeInput) =>
    this.answer('set_user_code', input, () => {
      if (input.pin !== this.world.pin) throw failure('wrong_pin') as unknown as Error;
      if (input.user_code !== undefined && [...input.user_code.trim()].length < 4) throw failure('user_code_malformed') as unknown as Error;
      if (input.user_code === this.world.password) throw failure('user_code_is_password') as unknown as Error;
      this.world.userCode = { offered: true, set: input.user_code !== undefined };
    });

  sign_out = (input: { account_id: string }) =>
    this.answer('sign_out', input, () => {
      this.world.status = { ...this.world.status, accounts: this.world.status.accounts.filter(({ id }) => id !== input.account_id) };
      return this.world.status;
    });

  copy_text = (input: { text: string }) => this.answer('copy_text', input, () => undefined);

  /** Changes the state of a request from outside, as another device or the client would. */
  become(handle: string, state: RequestState): void {
    const request = this.world.inbox.requests.find((known) => known.handle === handle);
    if (request === undefined) return;
    this.world.settled = [...this.world.settled, { ...request, state }];
    this.world.inbox = { loaded: true, requests: this.world.inbox.requests.filter((known) => known !== request) };
    this.tell('inbox', this.world.inbox);
  }

  /** Says what became of telling the provider. */
  private deliver(handle: string, settled: SettledView, delivery: Delivery): void {
    const lost = settled.state === 'approved' && delivery !== 'done';
    const state: RequestState = lost ? { kind: 'failed', settled: { ...settled, state: 'failed', delivery } } : { kind: 'decided', settled: { ...settled, delivery } };
    this.world.settled = this.world.settled.map((known) => (known.handle === handle ? { ...known, state } : known));
    this.tell('inbox', { ...this.world.inbox });
  }

  private async answer<T>(command: keyof Host, input: unknown, act: () => T): Promise<T> {
    this.calls.push({ command, input });
    if (this.world.silent.includes(command)) await this.pause(undefined);
    await this.pause(0);
    const code = this.world.failing[command];
    if (code !== undefined) throw failure(code) as unknown as Error;
    return act();
  }

  /** Waits; without a time until pairing is cancelled, which may be never. */
  private pause(milliseconds: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (milliseconds === undefined) this.cancelPairing = reject;
      else setTimeout(resolve, milliseconds);
    });
  }

  private request(input: RequestInput): RequestView {
    const known = [...this.world.inbox.requests, ...this.world.settled].find(
      ({ account_id, handle }) => account_id === input.account_id && handle === input.handle,
    );
    if (known === undefined) throw failure('not_found') as unknown as Error;
    return known;
  }

  private replace(request: RequestView): RequestView {
    const requests = this.world.inbox.requests.map((known) => (known.handle === request.handle ? request : known));
    this.world.inbox = { loaded: true, requests };
    return request;
  }

  private settle(request: RequestView, ending: Pick<SettledView, 'state' | 'reason'>): RequestView {
    const { told } = this.world;
    const settled: SettledView = { ...ending, settled_at: Date.now(), decided_by: { device_id: 'd-1', name: 'Anna’s ThinkPad' }, ...(told === undefined ? {} : { delivery: 'owed' }) };
    this.become(request.handle, { kind: 'decided', settled });
    if (told !== undefined) setTimeout(() => { this.deliver(request.handle, settled, told); }, 600);
    if (request.content !== undefined) {
      const { client, scopes, created_at } = request.content;
      const done = entry({ handle: request.handle, settled, client, scopes, created_at });
      delete done.received_at;
      this.world.history = [done, ...this.world.history];
    }
    return this.request(request);
  }

  private setKeyStore(): StatusView {
    this.world.status = { ...this.world.status, key_store: { kind: 'encrypted_file', state: 'ready', level: 'software' } };
    return this.world.status;
  }
}

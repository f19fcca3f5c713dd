/**
 * Everything the window may ask of the app, and everything the app tells the window.
 *
 * A command that takes arguments takes exactly one, an object named `input`: the bridge renames the arguments of a command to
 * camelCase, but leaves the members of an object alone, so the snake_case members below arrive as they are written.
 * A command that fails rejects with an `ErrorView`. A wrong number is not a failure: `approve` resolves with the request as it is then.
 */
import type { AccountView } from '../protocol/AccountView';
import type { ApproveInput } from '../protocol/ApproveInput';
import type { DenyInput } from '../protocol/DenyInput';
import type { DevicesView } from '../protocol/DevicesView';
import type { HistoryView } from '../protocol/HistoryView';
import type { InboxView } from '../protocol/InboxView';
import type { PairInput } from '../protocol/PairInput';
import type { PairingView } from '../protocol/PairingView';
import type { RequestView } from '../protocol/RequestView';
import type { StatusView } from '../protocol/StatusView';
import type { UserCodeInput } from '../protocol/UserCodeInput';
import type { UserCodeView } from '../protocol/UserCodeView';

/** An account on this device. */
export interface AccountInput {
  account_id: string;
}

/** One request of an account. */
export interface RequestInput extends AccountInput {
  handle: string;
}

/** The provider where the person signs in. */
export interface ProviderInput {
  issuer: string;
}

/** Opens the encrypted file. */
export interface PassphraseInput {
  passphrase: string;
}

/** A page of settled requests: those settled before `before`, newest first. */
export interface HistoryInput extends AccountInput {
  before?: number;
}

/** One device of an account. */
export interface DeviceInput extends AccountInput {
  device_id: string;
}

/** A device and its new name, 1 to 64 characters. */
export interface RenameDeviceInput extends DeviceInput {
  name: string;
}

/** Text for the clipboard. */
export interface CopyInput {
  text: string;
}

/** Ends a subscription. */
export type Unsubscribe = () => void;

/** What the app tells unasked. Each is the whole new state, never a difference. */
export interface HostEvents {
  inbox: InboxView;
  status: StatusView;
  pairing: PairingView;
}

/** The app, as the window knows it. */
export interface Host {
  get_status(): Promise<StatusView>;
  /** Chooses the encrypted file as key store; only on the person's explicit wish. */
  choose_encrypted_file(input: PassphraseInput): Promise<StatusView>;
  unlock_key_store(input: PassphraseInput): Promise<StatusView>;
  /** Resolves when the device is paired; progress comes as `pairing` events. */
  pair(input: PairInput): Promise<AccountView>;
  /** Answers the pairing that asks where the person signs in. */
  choose_provider(input: ProviderInput): Promise<void>;
  cancel_pairing(): Promise<void>;
  reopen_browser(): Promise<void>;
  get_inbox(): Promise<InboxView>;
  /** Asks every backend now; the answer comes as an `inbox` event. */
  refresh(): Promise<void>;
  get_request(input: RequestInput): Promise<RequestView>;
  /** The request is fully visible and the window has the focus: the clock that guards approval starts. */
  present(input: RequestInput): Promise<void>;
  /** It was left, covered or lost the focus: the clock starts from nothing next time. */
  conceal(input: RequestInput): Promise<void>;
  approve(input: ApproveInput): Promise<RequestView>;
  deny(input: DenyInput): Promise<RequestView>;
  get_history(input: HistoryInput): Promise<HistoryView>;
  /** Resolves with the path where the receipt was saved. */
  save_receipt(input: RequestInput): Promise<string>;
  get_devices(input: AccountInput): Promise<DevicesView>;
  rename_device(input: RenameDeviceInput): Promise<void>;
  revoke_device(input: DeviceInput): Promise<void>;
  get_user_code(input: AccountInput): Promise<UserCodeView>;
  /** Sets the code that shops ask for; without one, takes it away. */
  set_user_code(input: UserCodeInput): Promise<void>;
  /** Removes the account and its keys from this device. */
  sign_out(input: AccountInput): Promise<StatusView>;
  copy_text(input: CopyInput): Promise<void>;
  on<E extends keyof HostEvents>(event: E, listen: (payload: HostEvents[E]) => void): Unsubscribe;
}

/** Accounts, key store and pairing: everything that is not a request. */
import type { AccountView } from '../protocol/AccountView';
import type { ErrorView } from '../protocol/ErrorView';
import type { PairInput } from '../protocol/PairInput';
import type { PairingView } from '../protocol/PairingView';
import type { StatusView } from '../protocol/StatusView';
import type { Host } from '../host/types';
import { failureOf } from './failure';

export class Session {
  status = $state.raw<StatusView | undefined>();
  /** Why the app could not even say how it is. */
  broken = $state.raw<ErrorView | undefined>();
  /** Set from the moment the person asked to pair until they have seen how it ended. */
  pairing = $state.raw<PairingView | undefined>();

  /** The address the person asked to pair with. */
  asked = $state('');

  /** How often the app told its status unasked. */
  private told = 0;

  constructor(readonly host: Host) {}

  /** Listens, and asks once. Returns how to stop. */
  start(): () => void {
    const stops = [
      this.host.on('status', (status) => {
        this.told += 1;
        this.status = status;
      }),
      this.host.on('pairing', (pairing) => {
        this.pairing = pairing;
      }),
    ];
    void this.load();
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Asks the app how it is. */
  async load(): Promise<void> {
    try {
      await this.take(this.host.get_status());
      this.broken = undefined;
    } catch (rejection) {
      this.broken = failureOf(rejection);
    }
  }

  get accounts(): readonly AccountView[] {
    return this.status?.accounts ?? [];
  }

  account(id: string): AccountView | undefined {
    return this.accounts.find((account) => account.id === id);
  }

  /** What to call the provider of `account`: as people call it, with its address where another is called the same. */
  provider(account: AccountView | undefined): string {
    if (account === undefined) return '';
    const { title, place, issuer } = account;
    if (title === undefined) return place;
    const taken = this.accounts.some((other) => other.title === title && other.issuer !== issuer);
    return taken ? `${title} (${place})` : title;
  }

  /** The same where it says something: absent while every account here is the backend's own. */
  otherProvider(account: AccountView | undefined): string | undefined {
    if (account === undefined) return undefined;
    const other = account.issuer !== account.backend || this.accounts.some(({ issuer }) => issuer !== account.issuer);
    return other ? this.provider(account) : undefined;
  }

  /** What to call the account among those on this device. */
  label(account: AccountView): string {
    const provider = this.otherProvider(account);
    return provider === undefined ? account.name : `${account.name} · ${provider}`;
  }

  /** Pairs this device; how it goes is in `pairing`. */
  async pair(input: PairInput): Promise<void> {
    this.asked = input.backend;
    this.pairing = { step: 'resolving' };
    try {
      const account = await this.host.pair(input);
      await this.load();
      this.pairing = { step: 'done', account };
    } catch (rejection) {
      const error = failureOf(rejection);
      // Who cancelled knows it; they get the form back.
      this.pairing = error.code === 'cancelled' ? undefined : { step: 'failed', error };
    }
  }

  /** Goes back to the form after pairing has ended. */
  endPairing(): void {
    this.pairing = undefined;
  }

  async chooseEncryptedFile(passphrase: string): Promise<void> {
    await this.take(this.host.choose_encrypted_file({ passphrase }));
  }

  async unlock(passphrase: string): Promise<void> {
    await this.take(this.host.unlock_key_store({ passphrase }));
  }

  async signOut(account_id: string): Promise<void> {
    await this.take(this.host.sign_out({ account_id }));
  }

  /** An answer counts unless the app told something meanwhile: what it tells unasked is never older. */
  private async take(answer: Promise<StatusView>): Promise<void> {
    const before = this.told;
    const status = await answer;
    if (this.told === before) this.status = status;
  }
}

/** One open request: where it stands for the person who looks at it, and what became of their decision. */
import type { DenyReason } from '../protocol/DenyReason';
import type { ErrorView } from '../protocol/ErrorView';
import type { RequestContent } from '../protocol/RequestContent';
import type { RequestView } from '../protocol/RequestView';
import type { SettledView } from '../protocol/SettledView';
import type { Host, RequestInput } from '../host/types';
import { clock } from './clock.svelte';
import { failureOf } from './failure';

/** Every way an open request can look. */
export type DetailKind =
  | 'loading'
  | 'ready'
  | 'needs_unlock'
  | 'wrong_number'
  | 'sending'
  | 'offline'
  | 'telling'
  | 'approved'
  | 'denied'
  | 'mismatch'
  | 'expired'
  | 'cancelled'
  | 'superseded'
  | 'handled_elsewhere'
  | 'failed'
  | 'unclear'
  | 'cannot_verify'
  | 'device_removed'
  | 'error';

/** Failures that are shown beside the field they are about, while the request stays open. */
const AT_THE_FIELD = new Set<ErrorView['code']>(['wrong_pin', 'pin_required', 'pin_throttled', 'pin_malformed', 'match_malformed', 'not_presented']);

export class Detail {
  request = $state.raw<RequestView | undefined>();
  /** What keeps the request from being shown or answered at all. */
  failure = $state.raw<ErrorView | undefined>();
  /** What was wrong with the last try to approve; the request stays open. */
  fieldFailure = $state.raw<ErrorView | undefined>();
  /** The app asked for the PIN although the request did not say so. */
  pinAsked = $state(false);
  private sending = $state(false);
  private brokenOff = $state(false);

  constructor(
    private readonly host: Host,
    readonly input: RequestInput,
  ) {}

  get content(): RequestContent | undefined {
    return this.request?.content;
  }

  get settled(): SettledView | undefined {
    const state = this.request?.state;
    return state?.kind === 'decided' || state?.kind === 'handled_elsewhere' || state?.kind === 'failed' ? state.settled : undefined;
  }

  /** Whether the request is laid out and waits for the person. */
  get open(): boolean {
    return this.kind === 'ready' || this.kind === 'needs_unlock' || this.kind === 'wrong_number';
  }

  /** Whether the app may know more of it than was told: it is not over here, or its provider is being told, and no answer is on its way. */
  get unsettled(): boolean {
    return !this.sending && (this.open || this.kind === 'sending' || this.kind === 'offline' || this.settled?.delivery === 'owed');
  }

  get kind(): DetailKind {
    if (this.failure?.code === 'device_removed') return 'device_removed';
    if (this.failure?.code === 'cannot_verify') return 'cannot_verify';
    const state = this.request?.state;
    if (state !== undefined && state.kind !== 'pending' && state.kind !== 'sending') return settledKind(state);
    if (this.sending || state?.kind === 'sending') return 'sending';
    // An app that has already forgotten a request whose time is over tells nothing new.
    if (this.content !== undefined && clock.now >= this.content.expires_at) return 'expired';
    if (this.failure !== undefined) return 'error';
    if (state === undefined) return 'loading';
    if (this.content === undefined) return 'cannot_verify';
    if (this.brokenOff) return 'offline';
    if (state.tries_left !== undefined) return 'wrong_number';
    return this.content.needs_unlock ? 'needs_unlock' : 'ready';
  }

  /** Asks the app for the request. */
  async load(): Promise<void> {
    try {
      this.request = await this.host.get_request(this.input);
      this.failure = undefined;
    } catch (rejection) {
      this.failure = failureOf(rejection);
    }
  }

  /** Takes news of this request; while a decision is on its way its answer is the news. */
  receive(request: RequestView): void {
    if (this.sending) return;
    this.request = request;
  }

  /** Looks again after a decision did not get through. Nothing is sent. */
  async lookAgain(): Promise<void> {
    await this.load();
    this.brokenOff = false;
  }

  async approve(matched: string | undefined, pin: string | undefined): Promise<void> {
    await this.send(() =>
      this.host.approve({ ...this.input, ...(matched === undefined ? {} : { matched }), ...(pin === undefined ? {} : { pin }) }),
    );
  }

  async deny(reason: DenyReason): Promise<void> {
    await this.send(() => this.host.deny({ ...this.input, reason }));
  }

  private async send(decide: () => Promise<RequestView>): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    this.fieldFailure = undefined;
    try {
      this.request = await decide();
    } catch (rejection) {
      const failure = failureOf(rejection);
      if (failure.code === 'pin_required') this.pinAsked = true;
      if (failure.code === 'offline') this.brokenOff = true;
      else if (AT_THE_FIELD.has(failure.code)) this.fieldFailure = failure;
      else this.failure = failure;
    } finally {
      this.sending = false;
    }
  }
}

function settledKind(state: RequestView['state']): DetailKind {
  switch (state.kind) {
    case 'decided':
      return decidedKind(state.settled);
    case 'handled_elsewhere':
    case 'expired':
    case 'superseded':
    case 'cancelled':
    case 'cannot_verify':
      return state.kind;
    case 'failed':
      return decidedKind(state.settled);
    case 'pending':
    case 'sending':
      return 'loading';
  }
}

function decidedKind(settled: SettledView): DetailKind {
  switch (settled.state) {
    case 'approved':
      return settled.delivery === 'owed' ? 'telling' : 'approved';
    case 'denied':
      return settled.reason === 'number_mismatch' ? 'mismatch' : 'denied';
    case 'expired':
    case 'cancelled':
    case 'superseded':
      return settled.state;
    case 'failed':
      return settled.delivery === 'unclear' ? 'unclear' : 'failed';
    case 'pending':
      return 'loading';
  }
}

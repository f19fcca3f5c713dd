/** What waits, as the app last told it. */
import type { InboxView } from '../protocol/InboxView';
import type { RequestView } from '../protocol/RequestView';
import type { Host } from '../host/types';
import { t } from '../messages/text';
import { announcer } from './announce.svelte';

export class Inbox {
  view = $state.raw<InboxView>({ loaded: false, requests: [] });

  constructor(private readonly host: Host) {}

  /** Listens, and asks once. Returns how to stop. */
  start(): () => void {
    const stop = this.host.on('inbox', (view) => {
      this.receive(view);
    });
    this.host.get_inbox().then(
      (view) => {
        // An event that came first is newer than the answer to a question asked before it.
        if (!this.view.loaded) this.receive(view);
      },
      () => undefined,
    );
    return stop;
  }

  /** What still waits for an answer: oldest first. */
  get waiting(): readonly RequestView[] {
    return this.view.requests.filter(({ state }) => state.kind === 'pending' || state.kind === 'sending' || state.kind === 'cannot_verify');
  }

  find(account_id: string, handle: string): RequestView | undefined {
    return this.view.requests.find((request) => request.account_id === account_id && request.handle === handle);
  }

  private receive(view: InboxView): void {
    const before = this.waiting;
    const known = before.map(({ handle }) => handle);
    const first = !this.view.loaded;
    this.view = view;
    if (first) return;
    const fresh = this.waiting.find(({ handle }) => !known.includes(handle));
    if (fresh !== undefined) announcer.say(t('inbox.new', { client: fresh.content?.client.name ?? t('inbox.unverified') }));
    else if (this.waiting.length < before.length) announcer.say(t('inbox.gone'));
  }
}

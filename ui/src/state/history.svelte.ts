/** Settled requests of one account, page by page. */
import type { ErrorView } from '../protocol/ErrorView';
import type { HistoryEntryView } from '../protocol/HistoryEntryView';
import type { Host } from '../host/types';
import { failureOf } from './failure';

export class History {
  entries = $state.raw<readonly HistoryEntryView[]>([]);
  loaded = $state(false);
  failure = $state.raw<ErrorView | undefined>();
  /** `before` of the next page; absent at the end. */
  next = $state<number | undefined>();

  constructor(
    private readonly host: Host,
    readonly account_id: string,
  ) {}

  /** Fetches the next page (at first: the newest). */
  async more(): Promise<void> {
    this.failure = undefined;
    try {
      const { account_id, next } = this;
      const page = await this.host.get_history({ account_id, ...(next === undefined ? {} : { before: next }) });
      const known = this.entries.map(({ handle }) => handle);
      this.entries = [...this.entries, ...page.entries.filter(({ handle }) => !known.includes(handle))];
      this.next = page.next;
      this.loaded = true;
    } catch (rejection) {
      this.failure = failureOf(rejection);
    }
  }

  /** Fetches pages until `handle` is among them or there are no more. */
  async find(handle: string): Promise<HistoryEntryView | undefined> {
    const MOST_PAGES = 20;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      await this.more();
      const found = this.entries.find((entry) => entry.handle === handle);
      if (found !== undefined || this.next === undefined || this.failure !== undefined) return found;
    }
    return undefined;
  }
}

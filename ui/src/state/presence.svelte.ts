/** Whether a request has been in front of the person long enough to be approved. */
import type { Host, RequestInput } from '../host/types';

/** How long a request has to be visible in the focused window, in milliseconds. */
export const DWELL = 1000;

export class Presence {
  /** In view and focused for `DWELL`, without a break. */
  ready = $state(false);
  /** In view and focused now. */
  shown = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The app hears of coming and going in the order in which they happened, whatever a single call takes. */
  private told: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly host: Host,
    private readonly request: RequestInput,
  ) {}

  /** Watches the window for as long as the request is laid out. Returns how to stop. */
  start(): () => void {
    const look = (): void => {
      this.set(document.visibilityState === 'visible' && document.hasFocus());
    };
    const leave = (): void => {
      this.set(false);
    };
    addEventListener('focus', look);
    addEventListener('blur', leave);
    document.addEventListener('visibilitychange', look);
    look();
    return () => {
      removeEventListener('focus', look);
      removeEventListener('blur', leave);
      document.removeEventListener('visibilitychange', look);
      this.set(false);
    };
  }

  /** Starts from nothing: the app says that it has not seen the request long enough. */
  again(): void {
    const shown = this.shown;
    this.set(false);
    this.set(shown);
  }

  private set(shown: boolean): void {
    if (shown === this.shown) return;
    this.shown = shown;
    this.ready = false;
    clearTimeout(this.timer);
    if (!shown) {
      // A failure here leaves the app stricter than it has to be, never looser.
      this.told = this.told.then(() => this.host.conceal(this.request)).catch(() => undefined);
      return;
    }
    this.told = this.told
      .then(() => this.host.present(this.request))
      .then(() => {
        if (!this.shown) return;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => {
          this.ready = true;
        }, DWELL);
      })
      .catch(() => undefined);
  }
}

/** What jsdom lacks of a browser. */
import { vi } from 'vitest';

HTMLDialogElement.prototype.showModal = function showModal(this: HTMLDialogElement): void {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close(this: HTMLDialogElement): void {
  this.open = false;
};

/** Everything is in view at once: jsdom lays nothing out. */
class AllInView {
  constructor(private readonly tell: (entries: { isIntersecting: boolean }[]) => void) {}
  observe(): void {
    queueMicrotask(() => {
      this.tell([{ isIntersecting: true }]);
    });
  }
  disconnect(): void {
    // Nothing is watched.
  }
}

vi.stubGlobal('IntersectionObserver', AllInView);
vi.spyOn(document, 'hasFocus').mockReturnValue(true);

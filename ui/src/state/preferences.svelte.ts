/** What the person likes, kept on this device. */
const SHORTCUTS = 'countersign.shortcuts';

class Preferences {
  /** Whether single letters act. People who speak to their computer may want them not to. */
  shortcuts = $state(localStorage.getItem(SHORTCUTS) !== 'off');

  setShortcuts(on: boolean): void {
    this.shortcuts = on;
    localStorage.setItem(SHORTCUTS, on ? 'on' : 'off');
  }
}

export const preferences = new Preferences();

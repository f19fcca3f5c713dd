// Shows one approval, from the question to the result.
import { cancel } from './approval.js';
import { el, minutes } from './dom.js';
import { claimRows, logLine, outcome, reason, trouble } from './words.js';

/** The verified claims as a table. */
export function claimsTable(claims) {
  const rows = claimRows(claims).map(([claim, label, value]) =>
    el('tr', { 'data-claim': claim }, el('th', { scope: 'row' }, el('code', {}, claim), el('span', {}, label)), el('td', {}, value)),
  );
  return el('table', { class: 'claims' }, el('caption', {}, 'Verified ID token'), el('tbody', {}, ...rows));
}

/** What was said to the provider, for those who build such a page. */
export function logList(log) {
  return log.map((entry) => el('li', {}, el('code', {}, entry.endpoint), ` ${logLine(entry)}`));
}

/** Calls `onSeconds` with the whole seconds left, now and once a second, until it is told to stop. */
export function countDown(view, onSeconds) {
  const skew = view.server_time - Date.now();
  const tick = () => onSeconds(Math.max(0, Math.ceil((view.expires_at - Date.now() - skew) / 1000)));
  tick();
  const timer = setInterval(tick, 1000);
  return () => clearInterval(timer);
}

/** Fills `root` with the waiting request and returns what to call with each new view. */
export function openPanel(root, scene, first, { instruction, again, onAgain }) {
  const heading = el('h2', { tabindex: '-1' }, instruction.heading);
  const sentence = el('p', { class: 'sentence' }, instruction.sentence);
  const message = el('p', { class: 'message', 'data-testid': 'message', 'data-kind': /^\d+$/.test(first.message) ? 'number' : 'words' }, first.message);
  const bar = el('progress', { max: '1', value: '1', 'aria-hidden': 'true' });
  const left = el('p', { class: 'left' });
  const note = el('p', { class: 'note', role: 'status' });
  const stop = el('button', { type: 'button', class: 'secondary', 'data-testid': 'cancel', onclick: () => cancel(first.id) }, 'Cancel');
  const waiting = el('div', { class: 'waiting' }, message, bar, left, note, stop);
  const log = el('ol', {}, ...logList(first.log));
  const wire = el('details', { class: 'wire' }, el('summary', {}, 'What went over the wire'), log);
  const result = el('div', { class: 'result' });
  // The result is announced; the countdown is not, or it would talk every second.
  const announced = el('div', { 'aria-live': 'assertive' }, heading, sentence);

  root.replaceChildren(announced, waiting, result, wire);
  root.className = 'approval';
  root.dataset.state = 'waiting';
  root.hidden = false;
  heading.focus({ preventScroll: true });
  root.parentElement.scrollIntoView({ block: 'nearest' });

  const total = (first.expires_at - first.server_time) / 1000;
  const stopCounting = countDown(first, (seconds) => {
    bar.value = seconds / total;
    left.textContent = seconds > 0 ? `${minutes(seconds)} left` : 'Time is over; waiting for the provider’s last word';
  });

  return (view) => {
    log.replaceChildren(...logList(view.log));
    note.textContent = trouble(view);
    if (view.name === 'waiting') return;
    stopCounting();
    root.dataset.state = view.name;
    const [headline, text] = outcome({ expires_at: first.expires_at, ...view }, scene);
    heading.textContent = headline;
    sentence.textContent = view.name === 'failed' ? `${text} ${reason(view)}` : text;
    waiting.remove();
    result.replaceChildren(
      ...(view.claims ? [claimsTable(view.claims)] : []),
      el('button', { type: 'button', class: 'secondary', 'data-testid': 'again', onclick: onAgain }, view.name === 'approved' ? again.done : again.retry),
    );
  };
}

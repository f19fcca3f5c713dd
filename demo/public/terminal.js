// A login prompt that knows one command: ssh NAME@build-7.
import { cancel, follow, NotStarted, settings, start } from './approval.js';
import { clockTime, el, minutes } from './dom.js';
import { claimsTable, countDown, logList } from './panel.js';
import { outcome, reason, trouble } from './words.js';

const HOST = 'build-7';
const lines = document.querySelector('#lines');
const form = document.querySelector('#prompt');
const label = form.querySelector('label');
const command = document.querySelector('#command');
const giveUp = document.querySelector('#give-up');
const details = document.querySelector('#details');
let running; // the id of the request that waits

const print = (text, kind) => {
  const line = el('p', { class: kind, 'data-testid': kind }, text);
  lines.append(line);
  line.scrollIntoView({ block: 'nearest' });
  return line;
};

async function run(text) {
  print(`${label.textContent} ${text}`, 'typed');
  const [program, target = ''] = text.trim().split(/\s+/);
  if (program === '') return;
  if (program === 'exit') return logOut();
  if (program === 'clear') return lines.replaceChildren();
  const [user, host] = splitTarget(target);
  if (program !== 'ssh') return print(`${program}: command not found. Try: ssh anna@${HOST}`, 'plain');
  if (host !== HOST || user === '') return print(`usage: ssh NAME@${HOST}`, 'plain');
  await signIn(user);
}

// A name may itself be an e-mail address, so the last @ counts.
function splitTarget(target) {
  const at = target.lastIndexOf('@');
  return [target.slice(0, Math.max(at, 0)), target.slice(at + 1)];
}

async function signIn(user) {
  form.hidden = true;
  details.hidden = true;
  let view;
  try {
    view = await start('terminal', { login_hint: user });
  } catch (failure) {
    if (!(failure instanceof NotStarted)) throw failure;
    return showPrompt(print(`${HOST}: ${reason(failure)}`, 'bad'));
  }
  running = view.id;
  giveUp.hidden = false;
  print(`${HOST} has no passwords. Open Countersign on your device and type`, 'plain');
  print(view.message, 'message');
  const wait = print('', 'wait');
  const note = print('', 'note');
  const stop = countDown(view, (seconds) => {
    wait.textContent = `waiting for approval, ${minutes(seconds)} left`;
  });
  follow(view.id, (next) => {
    note.textContent = trouble(next);
    if (next.name === 'waiting') return;
    stop();
    wait.remove();
    note.remove();
    settle({ expires_at: view.expires_at, ...next }, user);
  });
}

function settle(view, user) {
  running = undefined;
  giveUp.hidden = true;
  const [, text] = outcome(view, 'terminal');
  const line = print(view.name === 'failed' ? `${text} ${reason(view)}` : text, view.name === 'approved' ? 'good' : 'bad');
  if (view.name === 'approved') {
    print(`Welcome to ${HOST}. Last approval: now, ${clockTime(Date.now())}. Type exit to leave.`, 'plain');
    label.textContent = `${user}@${HOST}:~$`;
  }
  details.dataset.state = view.name;
  details.replaceChildren(
    ...(view.claims ? [claimsTable(view.claims)] : []),
    el('details', { class: 'wire' }, el('summary', {}, 'What went over the wire'), el('ol', {}, ...logList(view.log))),
  );
  details.hidden = false;
  showPrompt(line);
}

function showPrompt(after) {
  form.hidden = false;
  command.value = '';
  command.focus({ preventScroll: true });
  after.scrollIntoView({ block: 'nearest' });
}

function logOut() {
  if (label.textContent.startsWith('laptop')) return;
  print(`Connection to ${HOST} closed.`, 'plain');
  label.textContent = 'laptop %';
  details.hidden = true;
}

const stopWaiting = () => running && cancel(running);

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = command.value;
  command.value = '';
  run(text);
});
giveUp.addEventListener('click', stopWaiting);
document.addEventListener('keydown', (event) => {
  // With a selection, Ctrl-C still copies.
  if (event.ctrlKey && event.key === 'c' && running && getSelection().isCollapsed) {
    event.preventDefault();
    print('^C', 'plain');
    stopWaiting();
  }
});
document.querySelector('#screen').addEventListener('click', () => getSelection().isCollapsed && command.focus());

const { login_hint: hint } = await settings();
command.value = `ssh ${hint || 'anna'}@${HOST}`;
command.focus({ preventScroll: true });

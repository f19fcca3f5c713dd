// The part that shop and call centre share: a form that asks, and the panel that takes its place.
import { follow, NotStarted, settings, start } from './approval.js';
import { openPanel } from './panel.js';
import { reason } from './words.js';

export async function runScene(scene, texts) {
  const form = document.querySelector('#ask');
  const input = form.querySelector('input');
  const button = form.querySelector('button');
  const error = form.querySelector('.error');
  const root = document.querySelector('#approval');

  const reset = () => {
    root.hidden = true;
    root.replaceChildren();
    form.hidden = false;
    input.focus();
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    error.hidden = true;
    button.disabled = true; // one click, one question
    try {
      const view = await start(scene, { login_hint: input.value });
      form.hidden = true;
      follow(view.id, openPanel(root, scene, view, { ...texts, onAgain: reset }));
    } catch (failure) {
      if (!(failure instanceof NotStarted)) throw failure;
      error.textContent = reason(failure);
      error.hidden = false;
    } finally {
      button.disabled = false;
    }
  });

  const { login_hint: hint } = await settings();
  if (input.value === '') input.value = hint;
}

import { runScene } from './form.js';

await runScene('shop', {
  instruction: { heading: 'Approve on your device', sentence: 'Open Countersign and type this number there.' },
  again: { done: 'Buy another', retry: 'Back to checkout' },
});

import { runScene } from './form.js';

await runScene('call-centre', {
  instruction: { heading: 'Waiting for the caller', sentence: 'Say: “Approve only if your device shows these two words.”' },
  again: { done: 'Next caller', retry: 'Back' },
});

/** The host of builds for the browser: an app in memory, put into the state that `?scene=NAME` names; `&words=pseudo` shows it in a pseudo-language. */
import { pseudo } from '../messages/pseudo';
import { rewriteWords } from '../messages/text';
import { MemoryHost } from './memory';
import { scenes } from './scenes';
import type { Host } from './types';

function start(): MemoryHost {
  const asked = new URLSearchParams(location.search);
  if (asked.get('words') === 'pseudo') rewriteWords(pseudo);
  const name = asked.get('scene') ?? 'inbox';
  const build = scenes[name] ?? scenes['inbox'];
  if (build === undefined) throw new Error('there is no scene to begin with');
  const { world, fragment } = build();
  // Without leaving the page: the scene says where the window opens, unless the address already does.
  if (fragment !== '' && location.hash === '') history.replaceState(null, '', fragment);
  return new MemoryHost(world);
}

const memory = start();

/** The in-memory app. */
export const host: Host = memory;

// Only this build has it: tests ask what was called, and play the other side.
Object.assign(globalThis, { memoryHost: memory });

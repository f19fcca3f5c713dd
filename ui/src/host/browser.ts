/** The host of builds for the browser: an app in memory, put into the state that `?scene=NAME` names. */
import { MemoryHost } from './memory';
import { scenes } from './scenes';
import type { Host } from './types';

function start(): MemoryHost {
  const name = new URLSearchParams(location.search).get('scene') ?? 'inbox';
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

import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { configDefaults, defineConfig } from 'vitest/config';

/** Mode `browser` builds the window on the in-memory host; every other build talks to the app and holds nothing of that host. */
export default defineConfig(({ mode }) => {
  const inBrowser = mode === 'browser' || mode === 'test';
  const host = inBrowser ? './src/host/browser.ts' : './src/host/tauri.ts';
  return {
    plugins: [svelte(), svelteTesting()],
    resolve: { alias: { '#host': fileURLToPath(new URL(host, import.meta.url)) } },
    clearScreen: false,
    server: { host: '127.0.0.1', port: 1420, strictPort: true },
    build: {
      target: 'es2022',
      outDir: mode === 'browser' ? 'dist-browser' : 'dist',
      // A data: URL in a style sheet would need a wider policy than the window has.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    test: {
      environment: 'jsdom',
      include: ['src/**/*.test.ts'],
      exclude: [...configDefaults.exclude],
      setupFiles: ['./tests/setup.ts'],
    },
  };
});

import { defineConfig } from 'vitest/config';

/** The built window in a real browser, served with the policy that the app sets. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['tests/**/*.spec.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});

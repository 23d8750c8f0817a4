import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['ci/build.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

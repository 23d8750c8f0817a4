import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // Where there is no Ray its tests are left out, and ci/test.sh says so.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env['TORCH_PARITY_RAY'] === undefined ? ['test/cli/ray.test.ts'] : []),
    ],
    globalSetup: ['ci/build.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

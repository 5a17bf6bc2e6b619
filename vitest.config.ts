import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/**
 * Five projects, since the last four need more than the sources: `browser` a built dist/ and chromium, `package` a built dist/
 * and the packages that a user installs, `postgres` a database server, `real` models that it downloads. `npx vitest --project unit` needs nothing.
 */
export default defineConfig({
  // Examples import the package by its name.
  resolve: { alias: [{ find: /^glassformer$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }] },
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/package/**', 'test/postgres/**', 'test/real/**'],
          maxWorkers: Math.max(2, availableParallelism() - 1), // one core would wait for the other: much of it starts programs
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/*.test.ts'],
          globalSetup: 'test/browser/chromium.ts',
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/*.test.ts'],
          globalSetup: 'test/package/install.ts',
          testTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: ['test/postgres/*.test.ts'],
          globalSetup: 'test/postgres/server.ts',
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/real/*.test.ts'],
          globalSetup: 'test/real/models.ts',
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
})

/**
 * Starts the PostgreSQL that these tests share, each with a schema of its own, and stops it after them. Where there is none to be had, the
 * reason is printed and the tests are skipped.
 */
import { describe, inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { startPostgres, stopPostgres, type PostgresServer } from '../support/postgres-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: PostgresServer | null
  }
}

/** Called once, before the tests. */
export function setup(project: TestProject): (() => void) | undefined {
  try {
    const server = startPostgres()
    project.provide('postgres', server)
    return () => stopPostgres(server)
  } catch (error) {
    console.log(`skipped: ${(error as Error).message}`)
    project.provide('postgres', null)
    return undefined
  }
}

/** Tests that need the server. */
export function describePostgres(name: string, tests: (server: PostgresServer) => void): void {
  const server = inject('postgres')
  if (server) describe(name, () => tests(server))
  else describe.skip(name, () => tests({ url: '', folder: '', bin: '', settings: '' }))
}

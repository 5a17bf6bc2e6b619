/**
 * What the tests of the hub share: a hub and an empty cache for each.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { hub, type HubOptions } from '../../src/hub/index.js'
import { filesOf, REPOSITORY, startHub, type FakeHub } from './fake-hub.js'
import { goldenPath } from './goldens.js'

/** No variable of whoever runs the tests reaches them. */
export function withoutHubEnvironment(): void {
  for (const name of ['HF_TOKEN', 'HF_ENDPOINT', 'HF_HUB_OFFLINE', 'HF_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME']) {
    vi.stubEnv(name, undefined)
  }
}

export interface HubTest {
  readonly hub: FakeHub
  readonly cacheDir: string
  /** Endpoint and cache. */
  readonly options: HubOptions
  /** Folder of the model in the cache. */
  readonly folder: string
  /** Requests so far, in words. */
  asked(): string[]
}

export async function hubTest(files: Map<string, Uint8Array> = filesOf(goldenPath('bert/base'))): Promise<HubTest> {
  withoutHubEnvironment()
  const server = await startHub(files)
  const cacheDir = temporaryFolder()
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await server.close()
  })
  return {
    hub: server,
    cacheDir,
    options: { endpoint: server.url, cacheDir },
    folder: join(cacheDir, `models--${REPOSITORY.replace('/', '--')}`),
    asked: () => server.requests.map(({ host, method, path, range }) => `${host} ${method} ${path.split('/').at(-1)} ${range ?? ''}`.trim()), // prettier-ignore
  }
}

/** Downloads a file of the model; false when there is none. */
export async function fetchFile(file: string, options: HubOptions): Promise<boolean> {
  const source = await hub(REPOSITORY, options).open(file)
  await source?.close()
  return source !== undefined
}

export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'glassformer-hub-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** All files under a folder, sorted. */
export function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

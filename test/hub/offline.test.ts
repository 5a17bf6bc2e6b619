import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { requireText } from '../../src/files/folder.js'
import { hub, snapshotDownload, type HubOptions } from '../../src/hub/index.js'
import { nodeCache } from '../../src/hub/node-cache.js'
import { BertModel } from '../../src/models/index.js'
import { COMMIT, REPOSITORY } from '../support/fake-hub.js'
import { hubTest, listing, withoutHubEnvironment } from '../support/hub-test.js'

vi.mock('../../src/hub/retry.js', async (original) => ({ ...(await original<object>()), waitFor: () => 0 }))

/** A model that was loaded once, and the hub's requests since then. */
async function loadedOnce() {
  const context = await hubTest()
  const model = await BertModel.fromPretrained(hub(REPOSITORY, context.options))
  model.dispose()
  context.hub.requests.length = 0
  return context
}

async function loads(options: HubOptions): Promise<void> {
  const model = await BertModel.fromPretrained(hub(REPOSITORY, options))
  model.dispose()
}

describe('offline', () => {
  test('a model that was loaded once is loaded from the cache, and nobody is asked', async () => {
    const { hub: server, options } = await loadedOnce()
    await loads({ ...options, localFilesOnly: true })
    for (const value of ['1', 'ON', 'yes', 'True']) {
      vi.stubEnv('HF_HUB_OFFLINE', value)
      await loads(options)
    }
    expect(server.requests).toEqual([])
    vi.stubEnv('HF_HUB_OFFLINE', '0')
    await loads(options)
    expect(server.requests).not.toEqual([])
  })

  test('by tag and by commit', async () => {
    const { options } = await hubTest()
    await loads({ ...options, revision: 'v1' })
    await loads({ ...options, revision: 'v1', localFilesOnly: true })
    await loads({ ...options, revision: COMMIT, localFilesOnly: true })
    await expect(loads({ ...options, localFilesOnly: true })).rejects.toMatchObject({
      code: 'hub-not-cached',
      message: `${REPOSITORY}: ${options.cacheDir} does not have revision "main", and offline mode (localFilesOnly, or HF_HUB_OFFLINE) keeps it from being downloaded`,
    })
  })

  test('says which file is missing', async () => {
    const { options, folder } = await loadedOnce()
    rmSync(join(folder, 'snapshots', COMMIT, 'config.json'))
    await expect(loads({ ...options, localFilesOnly: true })).rejects.toMatchObject({
      code: 'file-not-found',
      message: `${REPOSITORY}: there is no config.json, which a Hugging Face model folder has; check the path; ${options.cacheDir} does not have it, and offline mode (localFilesOnly, or HF_HUB_OFFLINE) keeps it from being downloaded`,
    })
  })

  test('nothing is downloaded', async () => {
    const { options, cacheDir } = await hubTest()
    await expect(snapshotDownload(REPOSITORY, { ...options, localFilesOnly: true })).rejects.toMatchObject({
      code: 'hub-not-cached',
    })
    expect(listing(cacheDir)).toEqual([])
  })
})

describe('a hub that does not answer', () => {
  test('leaves what is in the cache', async () => {
    const { hub: server, options } = await loadedOnce()
    server.fault = (_request, response) => {
      response.writeHead(503).end()
      return true
    }
    await loads(options)
    expect(server.requests, 'one question, and no waiting').toHaveLength(1)
    await server.close()
    await loads(options)
    const missing = requireText(hub(REPOSITORY, options), 'tokenizer.json', 'is asked for here')
    await expect(missing).rejects.toThrow(`; ${options.cacheDir} does not have it, and the hub does not answer`)
  })

  test('and one that refuses is believed', async () => {
    const { hub: server, options } = await loadedOnce()
    server.fault = (_request, response) => {
      response.writeHead(401).end()
      return true
    }
    await expect(loads(options)).rejects.toMatchObject({ code: 'hub-unauthorized' })
  })
})

test('a cache that may not be written does for what it has', async () => {
  const { options, folder } = await loadedOnce()
  // a file in the place of the folders that notes go to
  rmSync(join(folder, '.no_exist'), { recursive: true, force: true })
  writeFileSync(join(folder, '.no_exist'), '')
  rmSync(join(folder, 'refs'), { recursive: true })
  writeFileSync(join(folder, 'refs'), '')
  await loads(options)
})

test('a reference that is no commit counts as none', async () => {
  const { options, folder } = await hubTest()
  mkdirSync(join(folder, 'refs'), { recursive: true })
  writeFileSync(join(folder, 'refs/main'), '../../../outside')
  await expect(loads({ ...options, localFilesOnly: true })).rejects.toMatchObject({ code: 'hub-not-cached' })
})

describe('the cache is where those of the other libraries is', () => {
  test.each<[string, Record<string, string>, string]>([
    ['by default', {}, join(homedir(), '.cache/huggingface/hub')],
    ['of XDG', { XDG_CACHE_HOME: '/xdg' }, '/xdg/huggingface/hub'],
    ['HF_HOME', { XDG_CACHE_HOME: '/xdg', HF_HOME: '/hf' }, '/hf/hub'],
    ['HF_HUB_CACHE', { HF_HOME: '/hf', HF_HUB_CACHE: '/cache' }, '/cache'],
    ['in the home folder', { HF_HUB_CACHE: '~/models' }, join(homedir(), 'models')],
    ['and empty variables are none', { HF_HUB_CACHE: '', HF_HOME: '/hf' }, '/hf/hub'],
  ])('%s', (_name, environment, path) => {
    withoutHubEnvironment()
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    expect(nodeCache(REPOSITORY, undefined).name).toBe(path)
    expect(nodeCache(REPOSITORY, '/own').snapshot(COMMIT)).toBe(`/own/models--some-org--tiny-model/snapshots/${COMMIT}`)
    vi.unstubAllEnvs()
  })
})

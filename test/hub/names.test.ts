import { afterEach, describe, expect, test, vi } from 'vitest'
import { isPlainName, isPlainPath } from '../../src/files/plain-path.js'
import { hub, openPretrained, snapshotDownload } from '../../src/hub/index.js'
import { AutoModel } from '../../src/models/index.js'
import { SentenceEncoder } from '../../src/rag/index.js'
import { filesOf, REPOSITORY } from '../support/fake-hub.js'
import { goldenPath } from '../support/goldens.js'
import { hubTest, listing, withoutHubEnvironment } from '../support/hub-test.js'

afterEach(() => void vi.unstubAllEnvs())

const HOSTILE = [
  '../outside.safetensors',
  '../../../../outside.safetensors',
  'a/../../outside.safetensors',
  '/etc/outside.safetensors',
  '.. /outside.safetensors',
  'outside.safetensors.',
  '..\\outside.safetensors',
  'C:\\outside.safetensors',
  'C:outside.safetensors',
  '\\\\host\\share\\outside.safetensors',
  'model.safetensors:stream',
  'outside\0.safetensors',
  'outside\n.safetensors',
  './outside.safetensors',
  'a//outside.safetensors',
  'a/',
  '..',
  '.',
  '',
]

describe('a name from a file', () => {
  test.each(HOSTILE)('%j is no path inside a folder', (name) => {
    expect(isPlainPath(name)).toBe(false)
    expect(isPlainName(name)).toBe(false)
  })
  test('that is an ordinary one is', () => {
    for (const name of ['model-00001-of-00002.safetensors', '.hidden', '..a', 'größe (1).json', '1_Pooling']) {
      expect(isPlainName(name), name).toBe(true)
      expect(isPlainPath(`a/${name}`), name).toBe(true)
    }
    expect(isPlainName('a/b')).toBe(false)
  })

  test.each(HOSTILE)('of a shard, %j, is refused before anything is asked for it', async (name) => {
    const files = filesOf(goldenPath('safetensors/sharded-bf16'))
    const index = JSON.parse(Buffer.from(files.get('model.safetensors.index.json')!).toString()) as {
      weight_map: Record<string, string>
    }
    const [tensor] = Object.keys(index.weight_map)
    index.weight_map = { [tensor]: name, ...Object.fromEntries(Object.entries(index.weight_map).slice(1)) }
    files.set('model.safetensors.index.json', new TextEncoder().encode(JSON.stringify(index)))
    const { options, hub: server, cacheDir, folder } = await hubTest(files)
    await expect(AutoModel.fromPretrained(hub(REPOSITORY, options))).rejects.toMatchObject({ code: 'shard-index' })
    await expect(snapshotDownload(REPOSITORY, options)).rejects.toMatchObject({ code: 'hub-unsafe-name' })
    expect(server.requests.filter(({ path }) => path.includes('outside'))).toEqual([])
    expect(listing(cacheDir).filter((file) => file.includes('outside'))).toEqual([])
    expect(listing(folder).length).toBeGreaterThan(0)
  })

  test.each(HOSTILE)('of a module, %j, as well', async (path) => {
    const files = filesOf(goldenPath('bert/base'))
    const type = (name: string) => `sentence_transformers.models.${name}`
    const modules = [{ path: '', type: type('Transformer') }, { path, type: type('Pooling') }] // prettier-ignore
    files.set('modules.json', new TextEncoder().encode(JSON.stringify(modules)))
    const { options } = await hubTest(files)
    await expect(SentenceEncoder.fromPretrained(hub(REPOSITORY, options))).rejects.toMatchObject({
      code: 'unsupported-modules',
      message: `${REPOSITORY}/modules.json: ${JSON.stringify(path)} is not a part of this folder`,
    })
    if (path === '') return // as the transformer's own: there is nothing to download
    await expect(snapshotDownload(REPOSITORY, options)).rejects.toMatchObject({ code: 'hub-unsafe-name' })
  })
})

describe('the name of a model', () => {
  test.each([
    '',
    '..',
    'a/b/c',
    '../b',
    'a/..',
    '/b',
    'a/',
    'a\\b',
    'a b/c',
    'a--b/c',
    'org/name?x',
    'http://x/y',
    'ä/b',
    '-a/b',
    'a/b.',
    `a/${'b'.repeat(100)}`,
  ])(
    // prettier-ignore
    '%j is refused',
    (name) => {
      expect(() => hub(name)).toThrow(/is not the name of a model on a hub, such as "org\/name"/)
    },
  )
  test.each(['gpt2', 'org/name', 'google/flan-t5-small', 'sentence-transformers/all-MiniLM-L6-v2', 'a_b/c.d_1'])(
    '%j is one',
    (name) => expect(hub(name).name).toBe(name),
  )
  test('and a revision does not lead out of the cache', () => {
    for (const revision of ['../../x', '/x', 'a\\b', '']) {
      expect(() => hub(REPOSITORY, { revision }), revision).toThrow(/expected a branch, a tag or a commit/)
    }
  })
})

describe('a string', () => {
  const hintOf = async (location: string) => (await openPretrained(location, { localFilesOnly: true })).hint?.()

  test('org/name is a model on the hub where there is no such folder', async () => {
    withoutHubEnvironment()
    expect(await hintOf('no-such-org/no-such-name')).toMatch(/offline mode/)
    for (const path of ['./no-such-org/name', '/no-such-org/name', '../a/b', 'name', 'a/b/c', 'file:///a/b']) {
      expect(await hintOf(path), path).toBeUndefined()
    }
  })

  test('and a folder where there is one', async () => {
    withoutHubEnvironment()
    // a folder of this repository: vitest runs at its root
    expect(await hintOf('test/hub')).toBe(
      "; this is the folder test/hub here, and hub('test/hub') would be the model on the hub",
    )
    expect(await hintOf('./test/hub')).toBeUndefined()
    expect(await hintOf('test/no-such-folder')).toMatch(/offline mode/)
    expect(await hintOf('test/architecture.test.ts'), 'a file is no folder').toMatch(/offline mode/)
  })
})

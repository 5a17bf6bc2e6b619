/**
 * A cache in which something is not as it was left: contents that have changed, and links that lead elsewhere.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hub, type HubOptions } from '../../src/hub/index.js'
import { verifyModel } from '../../src/hub/node-cache.js'
import { COMMIT, REPOSITORY, sha256 } from '../support/fake-hub.js'
import { fetchFile, hubTest, listing, temporaryFolder } from '../support/hub-test.js'

const WEIGHTS = 'model.safetensors'
const CONFIG = new TextEncoder().encode('{"model_type": "bert"}')
const BYTES = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7 + (i >> 8))
const ETAG = sha256(BYTES)
const WRONG = BYTES.map((byte, i) => (i === 70_000 ? byte ^ 1 : byte))

const withModel = () => hubTest(new Map([[WEIGHTS, BYTES], ['config.json', CONFIG]])) // prettier-ignore

async function read(options: HubOptions, file = WEIGHTS): Promise<Uint8Array> {
  const source = (await hub(REPOSITORY, options).open(file))!
  try {
    return await source.read(0, source.size)
  } finally {
    await source.close()
  }
}

describe('a content of the right size and the wrong bytes', () => {
  test('is found when it is loaded, and downloaded again', async () => {
    const { options, folder } = await withModel()
    await read(options)
    writeFileSync(join(folder, 'blobs', ETAG), WRONG)
    expect(await read(options)).toEqual(BYTES)
    expect(new Uint8Array(readFileSync(join(folder, 'blobs', ETAG)))).toEqual(BYTES)
  })

  test('is found also where its times were set back, and for a commit that nobody is asked about', async () => {
    const { options, folder } = await withModel()
    await read(options)
    const blob = join(folder, 'blobs', ETAG)
    const { atime, mtime } = statSync(blob)
    writeFileSync(blob, WRONG)
    utimesSync(blob, atime, mtime)
    expect(await read({ ...options, revision: COMMIT })).toEqual(BYTES)
  })

  test('is found when another program has downloaded it: its first load here compares it', async () => {
    const { options, folder } = await withModel()
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    mkdirSync(join(folder, 'snapshots', COMMIT), { recursive: true })
    writeFileSync(join(folder, 'blobs', ETAG), WRONG)
    symlinkSync(`../../blobs/${ETAG}`, join(folder, 'snapshots', COMMIT, WEIGHTS))
    expect(await read(options)).toEqual(BYTES)
  })

  test('is not linked into another commit', async () => {
    const { options, folder, hub: server } = await withModel()
    await read(options)
    writeFileSync(join(folder, 'blobs', ETAG), WRONG)
    server.commit = COMMIT.replaceAll('c', 'd')
    expect(await read(options)).toEqual(BYTES)
  })

  test('is an error where nothing may be downloaded', async () => {
    const { options, folder, hub: server } = await withModel()
    await read(options)
    const blob = join(folder, 'blobs', ETAG)
    writeFileSync(blob, WRONG)
    server.requests.length = 0
    const offline = read({ ...options, localFilesOnly: true })
    await expect(offline).rejects.toMatchObject({ name: 'HubError', code: 'cache-damaged' })
    await expect(offline).rejects.toThrow(`${blob}: does not have the hash that is its name; delete it, or open`)
    expect(server.requests).toEqual([])
  })

  test('is looked for once: a content that was right is hashed again only when its file has changed', async () => {
    const { options, folder } = await withModel()
    await read(options)
    const seal = join(folder, '.glassformer', ETAG)
    const { size, mtimeMs, ctimeMs } = statSync(join(folder, 'blobs', ETAG))
    expect(readFileSync(seal, 'utf8')).toBe(`${size} ${mtimeMs} ${ctimeMs}`)
  })

  test('is found by verifyModel, which believes no seal', async () => {
    const { options, folder } = await withModel()
    await read(options)
    await read(options, 'config.json')
    expect(await verifyModel(REPOSITORY, options)).toEqual([
      { file: 'config.json', state: 'right' },
      { file: WEIGHTS, state: 'right' },
    ])
    // as if the disk had forgotten a bit: the seal fits
    const blob = join(folder, 'blobs', ETAG)
    writeFileSync(blob, WRONG)
    const { size, mtimeMs, ctimeMs } = statSync(blob)
    writeFileSync(join(folder, '.glassformer', ETAG), `${size} ${mtimeMs} ${ctimeMs}`)
    expect(await read(options)).toEqual(WRONG)
    expect((await verifyModel(REPOSITORY, options))[1]).toEqual({ file: WEIGHTS, state: 'damaged' })
    expect(await read(options), 'from then on a load finds it too').toEqual(BYTES)
  })
})

describe('nothing outside of the cache is written', () => {
  test.each([
    ['a link', symlinkSync],
    ['a hard link', linkSync],
  ])('when what an earlier download left is %s', async (_what, link) => {
    const { options, folder } = await withModel()
    const outside = join(temporaryFolder(), 'outside')
    writeFileSync(outside, BYTES.subarray(0, 10))
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    link(outside, join(folder, `blobs/${ETAG}.glassformer.incomplete`))
    expect(await read(options)).toEqual(BYTES)
    expect(new Uint8Array(readFileSync(outside))).toEqual(BYTES.subarray(0, 10))
    expect(listing(join(folder, 'blobs'))).toEqual([ETAG])
  })

  test('when a content is a link', async () => {
    const { options, folder } = await withModel()
    const outside = join(temporaryFolder(), 'outside')
    writeFileSync(outside, 'short')
    mkdirSync(join(folder, 'blobs'), { recursive: true })
    symlinkSync(outside, join(folder, 'blobs', ETAG))
    expect(await read(options)).toEqual(BYTES)
    expect(readFileSync(outside, 'utf8')).toBe('short')
  })

  test('when a file of a snapshot, or the name of a branch, is a link', async () => {
    const { options, folder } = await withModel()
    const outside = join(temporaryFolder(), 'outside')
    writeFileSync(outside, 'short')
    for (const [inside, name] of [
      ['refs', 'main'],
      [`snapshots/${COMMIT}`, WEIGHTS],
    ]) {
      // prettier-ignore
      mkdirSync(join(folder, inside), { recursive: true })
      symlinkSync(outside, join(folder, inside, name))
    }
    expect(await read(options)).toEqual(BYTES)
    expect(readFileSync(outside, 'utf8')).toBe('short')
    expect(readlinkSync(join(folder, 'snapshots', COMMIT, WEIGHTS))).toBe(`../../blobs/${ETAG}`)
  })

  test.each(['', 'blobs', 'snapshots', `snapshots/${COMMIT}`, 'refs', '.no_exist', '.glassformer'])(
    'when the folder "%s" of the model is a link',
    async (inside) => {
      const { options, folder } = await withModel()
      const outside = temporaryFolder()
      const at = join(folder, inside)
      mkdirSync(join(at, '..'), { recursive: true })
      symlinkSync(outside, at)
      const needed = inside === '' || inside === 'blobs' || inside.startsWith('snapshots')
      const reading = read(options)
      if (needed) {
        await expect(reading).rejects.toMatchObject({ code: 'cache-link' })
        await expect(reading).rejects.toThrow(`${at}: is a link or a file where the cache has a folder`)
      } else expect(await reading).toEqual(BYTES)
      await fetchFile('other.json', options)
      expect(listing(outside)).toEqual([])
    },
  )

  test('though the folder of the cache itself may be a link', async () => {
    const { options, cacheDir } = await withModel()
    const link = join(temporaryFolder(), 'cache')
    symlinkSync(cacheDir, link)
    expect(await read({ ...options, cacheDir: link })).toEqual(BYTES)
    expect(existsSync(join(cacheDir, `models--${REPOSITORY.replace('/', '--')}`))).toBe(true)
  })
})

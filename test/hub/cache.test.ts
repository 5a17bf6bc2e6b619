/**
 * What both caches promise. That of a page is tested in chromium too, where it has storage; here it is in memory.
 */
import { describe, expect, test } from 'vitest'
import { nodeCache } from '../../src/hub/node-cache.js'
import { pageCache } from '../../src/hub/page-cache.js'
import { COMMIT, sha256 } from '../support/fake-hub.js'
import { temporaryFolder } from '../support/hub-test.js'

let models = 0
const CACHES = {
  'a folder': async () => nodeCache(`org/name-${models++}`, temporaryFolder()),
  memory: () => pageCache(`org/name-${models++}`),
}

describe.each(Object.entries(CACHES))('a cache in %s', (_name, open) => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i)
  const found = { file: 'a/model.safetensors', etag: sha256(bytes), size: bytes.length }

  test('shows a content when it is whole, and not before', async () => {
    const cache = await open()
    const partial = await cache.begin(found)
    await partial.append(bytes)
    expect(await cache.link(COMMIT, found)).toBe(false)
    expect(await cache.open(COMMIT, found.file)).toBeUndefined()
    await partial.keep()
    await partial.release()
    expect(await cache.link(COMMIT, found)).toBe(true)
    const source = (await cache.open(COMMIT, found.file))!
    expect(await source.read(0, source.size)).toEqual(bytes)
    await source.close()
    expect(await cache.link(COMMIT, { ...found, size: 999 }), 'of another size').toBe(false)
  })

  test('keeps what has come for the next try', async () => {
    const cache = await open()
    const first = await cache.begin(found)
    await first.append(bytes.subarray(0, 400))
    await first.append(bytes.subarray(400, 500))
    await first.release()
    const second = await cache.begin(found)
    expect(second.length).toBe(500)
    await second.append(bytes.subarray(500))
    const read: number[] = []
    for await (const piece of second.read()) read.push(...piece)
    expect(read).toEqual([...bytes])
    await second.restart()
    expect(second.length).toBe(0)
    await second.release()
    const third = await cache.begin(found)
    expect(third.length).toBe(0)
    await third.release()
  })

  test('holds contents of many pieces', async () => {
    const cache = await open()
    const large = { ...found, etag: 'large', size: 40 * 2 ** 20 }
    const partial = await cache.begin(large)
    const piece = new Uint8Array(5 * 2 ** 20)
    for (let i = 0; i < 8; i++) await partial.append(piece.fill(i))
    await partial.keep()
    await cache.link(COMMIT, large)
    const source = (await cache.open(COMMIT, large.file))!
    expect(source.size).toBe(large.size)
    for (let i = 1; i < 8; i++) expect([...(await source.read(i * piece.length - 1, i * piece.length + 1))]).toEqual([i - 1, i]) // prettier-ignore
    await source.close()
  })

  test('remembers revisions, and files that are not there', async () => {
    const cache = await open()
    expect(await cache.commitOf('refs/pr/1')).toBeUndefined()
    await cache.keepRevision('refs/pr/1', COMMIT)
    await cache.keepRevision('main', 'f'.repeat(40))
    await cache.keepRevision('main', COMMIT)
    expect(await cache.commitOf('refs/pr/1')).toBe(COMMIT)
    expect(await cache.commitOf('main')).toBe(COMMIT)
    expect(await cache.isAbsent(COMMIT, 'a/b.json')).toBe(false)
    await cache.keepAbsent(COMMIT, 'a/b.json')
    expect(await cache.isAbsent(COMMIT, 'a/b.json')).toBe(true)
  })

  test('lets one at a time work on a content', async () => {
    const cache = await open()
    const order: string[] = []
    const work = (name: string) => () => {
      order.push(`${name} begins`)
      return new Promise<void>((resolve) => setImmediate(resolve)).then(() => void order.push(`${name} ends`))
    }
    const failing = cache.exclusive('etag', () => work('first')().then(() => Promise.reject(new Error('broken'))))
    const second = cache.exclusive('etag', work('second'))
    await expect(failing).rejects.toThrow('broken')
    await second
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
  })
})

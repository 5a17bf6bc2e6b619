/**
 * An index on a disk that has no room, or may not be written: the old index stays whole, the error is one of ours, and work goes on when the disk
 * is as it should be.
 */
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, FlatFileStore } from '../../../src/index.js'
import { NO_SMALL_DISK, smallDisk, whileReadOnly } from '../../support/disks.js'
import { DIMENSION, ENCODER, randomDocuments } from '../../support/store-contract.js'

if (NO_SMALL_DISK !== undefined) console.log(`skipped: a full disk; ${NO_SMALL_DISK}`)

const write = (path: string) => FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: DIMENSION })

async function put(store: FlatFileStore, count: number, prefix: string): Promise<void> {
  for (const document of randomDocuments(count, 3, prefix)) await store.upsert(document)
}

/** Writes an index of 40 documents and gives its bytes. */
async function written(path: string): Promise<Buffer> {
  const store = await write(path)
  await put(store, 40, 'old')
  await store.close()
  return readFileSync(path)
}

async function idsOf(store: FlatFileStore): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of store.documents()) ids.push(id)
  return ids
}

describe.skipIf(NO_SMALL_DISK !== undefined)('on a disk of 512 kB', () => {
  let disk: { readonly folder: string; readonly remove: () => void }
  let path: string
  beforeEach(() => {
    disk = smallDisk(512)
    path = join(disk.folder, 'my.index')
  })
  afterEach(() => disk.remove())

  /** Leaves no room but some kilobytes, and says how to make it again. */
  function fill(kilobytes: number): () => void {
    const filler = join(disk.folder, 'filler')
    try {
      for (;;) writeFileSync(filler, new Uint8Array(4096), { flag: 'a' })
    } catch {
      writeFileSync(filler, readFileSync(filler).subarray(kilobytes * 1024))
    }
    return () => rmSync(filler)
  }

  test('that becomes full, the documents that were put in stay, and the next run does the rest', async () => {
    const before = await written(path)
    const empty = fill(60)
    const store = await write(path)
    const full = await put(store, 1000, 'new').catch((error: unknown) => error)
    expect(full).toBeInstanceOf(FileError)
    expect(full).toMatchObject({ code: 'file-unwritable', cause: { code: 'ENOSPC' } })
    const finished = await idsOf(store)
    expect(finished.length).toBeGreaterThan(40)
    const merged = await store.close().catch((error: unknown) => error)
    expect(merged).toMatchObject({ name: 'FileError', code: 'file-unwritable' })
    await store.suspend()
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(disk.folder).sort()).toEqual(['filler', 'my.index', 'my.index.journal'])

    empty()
    const again = await write(path)
    expect(await idsOf(again)).toEqual(finished)
    await again.close()
    const reader = await FlatFileStore.open(path)
    expect(await idsOf(reader)).toEqual(finished)
    await reader.close()
    expect(readdirSync(disk.folder)).toEqual(['my.index'])
  })

  test('that is full, the index is searched', async () => {
    const before = await written(path)
    fill(0)
    const store = await write(path).catch((error: unknown) => error)
    if (store instanceof FlatFileStore)
      await store.discard() // it needs no room to be opened
    else expect(store).toMatchObject({ name: 'FileError', code: 'file-unwritable' })
    const reader = await FlatFileStore.open(path)
    expect((await reader.search([new Float32Array(DIMENSION).fill(1)], 3))[0]).toHaveLength(3)
    await reader.close()
    expect(readFileSync(path).equals(before)).toBe(true)
  })
})

describe.skipIf(process.platform === 'win32')('in a folder that may not be written', () => {
  let folder: string
  let path: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'glassformer-read-only-'))
    path = join(folder, 'my.index')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('an index is searched, and opened for writing with an error of ours', async () => {
    const before = await written(path)
    await whileReadOnly(folder, async () => {
      await expect(write(path)).rejects.toMatchObject({
        name: 'FileError',
        code: 'file-unwritable',
        message: expect.stringMatching(/my\.index\.lock: cannot be written \(EACCES/) as string,
      })
      const reader = await FlatFileStore.open(path)
      expect(await idsOf(reader)).toHaveLength(40)
      await reader.close()
    })
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(folder)).toEqual(['my.index'])
  })

  test.each([
    ['before the new file is begun', false],
    ['when it is to take the place of the old one', true],
  ])('from %s on, nothing is lost, and the store goes on', async (_when, begun) => {
    const before = await written(path)
    const store = await write(path)
    await put(store, 5, 'new')
    if (begun) {
      writeFileSync(`${path}.partial`, '')
      chmodSync(`${path}.partial`, 0o666)
    }
    await whileReadOnly(folder, async () => {
      await expect(store.close()).rejects.toMatchObject({ name: 'FileError', code: 'file-unwritable' })
      expect(await idsOf(store)).toHaveLength(45)
    })
    expect(readFileSync(path).equals(before)).toBe(true)
    await store.close()
    const reader = await FlatFileStore.open(path)
    expect(await idsOf(reader)).toHaveLength(45)
    await reader.close()
    expect(readdirSync(folder)).toEqual(['my.index'])
  })
})

import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { referenceBackend } from '../../../src/backends/index.js'
import { bytesSource } from '../../../src/files/byte-source.js'
import { FlatFileStore, FlatIndex, encodeIndex, GlassformerError, IndexFileError } from '../../../src/index.js'
import { crc32 } from '../../../src/rag/finding/crc32.js'
import { runScript } from '../../support/cli.js'
import { randomNumbers } from '../../support/random.js'
import { DIMENSION, ENCODER, randomDocuments, storeContract, unit } from '../../support/store-contract.js'
import { textSearchContract } from '../../support/text-search-contract.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassformer-store-'))
  path = join(folder, 'my.index')
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (dtype?: 'float32' | 'int8') =>
  FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: DIMENSION, dtype })

for (const [dtype, tolerance] of [
  ['float32', 1e-6],
  ['int8', 0.01],
] as const) {
  storeContract(
    `a flat file of ${dtype}`,
    async () => ({ open: () => write(dtype), remove: async () => {} }),
    tolerance,
  )
  textSearchContract(
    `a flat file of ${dtype}`,
    async () => ({ store: await write(dtype), remove: async () => {} }),
    tolerance,
  )
}

async function written(count = 12, dtype?: 'int8'): Promise<Uint8Array> {
  const store = await write(dtype)
  for (const document of randomDocuments(count)) await store.upsert(document)
  await store.close()
  return new Uint8Array(readFileSync(path))
}

const query = unit(Float32Array.from({ length: DIMENSION }, randomNumbers(5)))

describe('the file', () => {
  test('is there when the store is closed, alone', async () => {
    await written()
    expect(readdirSync(folder)).toEqual(['my.index'])
  })

  test('is not there for a store that nothing was put into', async () => {
    await (await write()).close()
    expect(readdirSync(folder)).toEqual([])
  })

  // prlimit, by which a file may not grow, is a command of Linux
  test.skipIf(process.platform !== 'linux').each([
    ['the journal', 0.5],
    ['the new file', 1.3],
  ])('stays as it was where the disk is full before %s is written, and the next run goes on', async (_what, share) => {
    const before = await written(200)
    const limit = Math.round(share * before.length)
    const { stdout, stderr } = await runScript(fileURLToPath(new URL('fill-disk.ts', import.meta.url)), [
      path,
      `${limit}`,
    ])
    expect({ stdout, stderr }).toEqual({ stdout: 'file-unwritable\n', stderr: '' })
    expect(new Uint8Array(readFileSync(path))).toEqual(before)
    expect(readdirSync(folder)).toEqual(['my.index', 'my.index.journal'])
    const store = await write()
    const size = await store.size()
    expect(size).toBeGreaterThan(share > 1 ? 499 : 320)
    await store.close()
    expect(readdirSync(folder)).toEqual(['my.index'])
    expect(readFileSync(path).length).toBeGreaterThan(before.length)
  })

  test('stays as it was while another version is written', async () => {
    const before = await written()
    const store = await write()
    await expect(write()).rejects.toMatchObject({ code: 'file-held' })
    await store.upsert(randomDocuments(1, 3, 'new')[0])
    expect(new Uint8Array(readFileSync(path))).toEqual(before)
    await store.suspend()
    expect(new Uint8Array(readFileSync(path))).toEqual(before)
    const reader = await FlatFileStore.open(path)
    expect(await reader.size()).toBe(18)
    await reader.close()
  })

  test('is searched from bytes, and is not for writing there', async () => {
    const store = await FlatFileStore.open(bytesSource(await written()))
    expect((await store.search([query], 3))[0]).toHaveLength(3)
    await expect(store.upsert(randomDocuments(1)[0])).rejects.toMatchObject({ code: 'read-only' })
    await expect(store.delete(['doc-1'])).rejects.toMatchObject({ code: 'read-only' })
  })

  test.each(['float32', 'int8'] as const)(
    'of %s in which any bit has changed is refused, or gives what it gave',
    async (dtype) => {
      const bytes = await written(6, dtype === 'int8' ? dtype : undefined)
      const everything = async (file: Uint8Array) => {
        const store = await FlatFileStore.open(bytesSource(file))
        const stamps = []
        for await (const stamp of store.documents()) stamps.push(stamp)
        return { stamps, found: await store.search([query], 100) }
      }
      const original = await everything(bytes)
      for (let at = 0; at < bytes.length; at++) {
        const damaged = bytes.slice()
        damaged[at] ^= 1 << (at % 8)
        try {
          expect(await everything(damaged), `byte ${at}`).toEqual(original) // what fills a section up does not matter
        } catch (error) {
          if (!(error instanceof GlassformerError)) throw error
        }
      }
    },
  )

  test('that lacks any number of its last bytes is refused', async () => {
    const bytes = await written(4)
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(FlatFileStore.open(bytesSource(bytes.subarray(0, length)))).rejects.toMatchObject({
        code: expect.stringMatching(/^index-(too-short|size|checksum)$/) as string,
      })
    }
  })

  test('with places that are none of the passage is refused where it is read', async () => {
    const [document] = randomDocuments(2).slice(1)
    const source = { ...document.passages[0].source!, plaque: [[0, 1000, 0, 1]] }
    const store = await write()
    await store.upsert({ ...document, passages: [{ ...document.passages[0], source }] })
    await store.close()
    // as another program may have written it: with a checksum that fits
    const bytes = new Uint8Array(readFileSync(path))
    const view = new DataView(bytes.buffer)
    const [records, texts] = [56, 64].map((at) => Number(view.getBigUint64(at, true)))
    const json = bytes.subarray(texts, texts + view.getUint32(records + 8, true))
    const wrong = new TextDecoder()
      .decode(json)
      .replace(/"places":.*?\]\],"plaque":/, (found) => `"places":`.padEnd(found.length))
    json.set(new TextEncoder().encode(wrong))
    view.setUint32(records + 12, crc32(json), true)
    const hostile = await FlatFileStore.open(bytesSource(bytes))
    const refused = { code: 'index-places', message: expect.stringContaining('place 1 is [0,1000,0,1]') as string }
    await expect(hostile.search([query], 1)).rejects.toMatchObject(refused)
    await expect(hostile.search([query], 1)).rejects.toBeInstanceOf(IndexFileError)
  })

  test('of the version without passages says what to open it with', async () => {
    const old = encodeIndex(FlatIndex.fromVectors(query, DIMENSION), { encoder: 'tiny', corpus: '0' })
    await expect(FlatFileStore.open(bytesSource(old))).rejects.toThrow('Retriever.open')
    await expect(FlatFileStore.open(bytesSource(new Uint8Array(200)))).rejects.toMatchObject({ code: 'not-an-index' })
    await expect(FlatFileStore.open(join(folder, 'none'))).rejects.toMatchObject({ code: 'file-not-found' })
  })

  test('of another encoder or dtype is not written to', async () => {
    await written()
    const other = { encoder: { ...ENCODER, hash: 'b'.repeat(64) }, dimension: DIMENSION }
    await expect(FlatFileStore.openForWriting(path, other)).rejects.toMatchObject({ code: 'other-encoder' })
    await expect(write('int8')).rejects.toMatchObject({ code: 'other-dtype' })
  })
})

test('a file that a program held which is no more can be written', async () => {
  writeFileSync(`${path}.lock`, '999999999')
  await written()
  expect(readdirSync(folder)).toEqual(['my.index'])
})

test('what a program that was killed left of a new file goes, though nothing is written', async () => {
  await written()
  writeFileSync(`${path}.partial`, new Uint8Array(1000))
  await (await write()).close()
  expect(readdirSync(folder)).toEqual(['my.index'])
})

test('what is put in after a change of the file is there when the program dies then', async () => {
  const store = await write()
  const [first, second] = randomDocuments(6).slice(4)
  await store.upsert(first)
  await store.search([query], 1) // makes the file anew, and the journal empty
  await store.upsert(second)
  const journal = readFileSync(`${path}.journal`)
  await store.discard()
  writeFileSync(`${path}.journal`, journal)
  const resumed = await write()
  const seen = []
  for await (const { id } of resumed.documents()) seen.push(id)
  expect(seen).toEqual([first.id, second.id])
  await resumed.close()
})

describe('work that was stopped', () => {
  test('goes on where it was: documents that were put in are there', async () => {
    const documents = randomDocuments(8)
    let store = await write()
    for (const document of documents.slice(0, 5)) await store.upsert(document)
    await store.suspend()
    expect(readdirSync(folder)).toEqual(['my.index.journal'])
    store = await write()
    const seen = []
    for await (const { id } of store.documents()) seen.push(id)
    expect(seen).toEqual(documents.slice(0, 5).map(({ id }) => id))
    for (const document of documents.slice(5)) await store.upsert(document)
    await store.close()
    const whole = readFileSync(path)
    rmSync(path)
    await written(8)
    expect(whole).toEqual(readFileSync(path)) // as if it had not been stopped
  })

  test('loses at most the document that was being written when the program died', async () => {
    const store = await write()
    for (const document of randomDocuments(8)) await store.upsert(document)
    await store.suspend()
    const journal = `${path}.journal`
    const { length } = readFileSync(journal)
    const copy = readFileSync(journal)
    for (const cut of [1, 50, 200]) {
      writeFileSync(journal, copy)
      truncateSync(journal, length - cut)
      const resumed = await write()
      const seen = []
      for await (const { id } of resumed.documents()) seen.push(id)
      expect(seen.length).toBeGreaterThanOrEqual(7)
      await resumed.suspend()
    }
  })

  test('is refused by an error of its own where a journal holds what no program of ours writes', async () => {
    const records = [
      '{"id":"a","hash":"h"}',
      '{"id":"a","hash":"h","passages":7}',
      `{"id":"a","passages":${'['.repeat(1e6)}${']'.repeat(1e6)}}`,
      '{"id":"a","hash":"h","passages":[{"id":"1","title":"","text":"without a vector"}]}',
    ]
    const store = await write()
    await store.upsert(randomDocuments(1)[0])
    await store.suspend()
    const journal = `${path}.journal`
    const good = readFileSync(journal)
    for (const text of records) {
      const json = new TextEncoder().encode(text)
      const record = Buffer.alloc(12 + json.length)
      record.writeUInt32LE(4 + json.length, 0)
      record.writeUInt32LE(json.length, 8)
      record.set(json, 12)
      record.writeUInt32LE(crc32(record.subarray(8)), 4)
      writeFileSync(journal, Buffer.concat([good, record]))
      await expect(write(), text.slice(0, 50)).rejects.toBeInstanceOf(GlassformerError)
    }
  })

  test.each<[string, string]>([
    ['a number', '7'],
    ['without a text', '{"id":"1","title":""}'],
    ['with an id that is none', '{"id":1,"title":"","text":"x"}'],
    [
      'of a file that is none',
      '{"id":"1","title":"","text":"x","source":{"file":5,"headingPath":[],"start":0,"end":1}}',
    ],
    ['without headings', '{"id":"1","title":"","text":"x","source":{"file":"a","start":0,"end":1}}'],
    [
      'of a place that is none',
      '{"id":"1","title":"","text":"x","source":{"file":"a","headingPath":[],"start":"0","end":1}}',
    ],
  ])('stays whole where a journal holds a passage %s', async (_what, passage) => {
    const first = await write()
    await first.upsert(randomDocuments(1)[0])
    await first.close()
    const before = readFileSync(path)
    const store = await write()
    await store.upsert(randomDocuments(2)[1])
    await store.suspend()
    const json = new TextEncoder().encode(`{"id":"a","hash":"h","passages":[${passage}]}`)
    const vector = new Uint8Array(4 * DIMENSION)
    const record = Buffer.alloc(12 + json.length + vector.length)
    record.writeUInt32LE(record.length - 8, 0)
    record.writeUInt32LE(json.length, 8)
    record.set(json, 12)
    record.writeUInt32LE(crc32(record.subarray(8)), 4)
    writeFileSync(`${path}.journal`, Buffer.concat([readFileSync(`${path}.journal`), record]))
    await expect(write()).rejects.toBeInstanceOf(GlassformerError)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test.each(['float32', 'int8'] as const)(
    'of %s stays whole where a journal holds a vector that is none',
    async (dtype) => {
      const first = await write(dtype)
      await first.upsert(randomDocuments(1)[0])
      await first.close()
      const before = readFileSync(path)
      const store = await write(dtype)
      await store.upsert(randomDocuments(2)[1])
      await store.suspend()
      const journal = readFileSync(`${path}.journal`)
      const start = 8 + journal.readUInt32LE(0) // the second record
      journal.writeFloatLE(NaN, start + 12 + journal.readUInt32LE(start + 8)) // the first scale, or number of a vector
      journal.writeUInt32LE(crc32(journal.subarray(start + 8, start + 8 + journal.readUInt32LE(start))), start + 4)
      writeFileSync(`${path}.journal`, journal)
      await expect(write(dtype)).rejects.toMatchObject({ name: 'IndexFileError', code: 'index-meta' })
      expect(readFileSync(path).equals(before)).toBe(true)
    },
  )

  test('is begun anew where the journal is of another encoder', async () => {
    const store = await write()
    await store.upsert(randomDocuments(4)[3])
    await store.suspend()
    const other = await FlatFileStore.openForWriting(path, {
      encoder: { ...ENCODER, pooling: 'cls' },
      dimension: DIMENSION,
    })
    expect(await other.size()).toBe(0)
    await other.close()
  })
})

test('a store that is large enough for the kernels finds what the plain search finds', async () => {
  const count = 20_001
  const next = randomNumbers(4)
  const vectors = Float32Array.from({ length: count * DIMENSION }, next)
  const store = await FlatFileStore.openForWriting(path, {
    encoder: ENCODER,
    dimension: DIMENSION,
    dtype: 'int8',
    backend: referenceBackend(),
  })
  for (let d = 0; d < 3; d++) {
    const rows = Array.from({ length: count / 3 }, (_, i) => (d * count) / 3 + i)
    await store.upsert({
      id: `d${d}`,
      hash: '',
      metadata: { third: d },
      passages: rows.map((row) => ({
        id: `p${row}`,
        title: '',
        text: 'x',
        vector: vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION),
      })),
    })
  }
  const index = FlatIndex.fromVectors(vectors, DIMENSION, 'int8')
  const mask = Uint8Array.from({ length: count }, (_, row) => Number(row >= (2 * count) / 3))
  const asked = Array.from({ length: 9 }, () => Float32Array.from({ length: DIMENSION }, next))
  for (const filtered of [false, true]) {
    const found = await store.search(asked, 10, { filter: filtered ? { third: 2 } : undefined })
    const plain = asked.map((vector) => index.search(vector, 10, filtered ? { mask } : {}))
    expect(found.map((hits) => hits.map(({ id, score }) => [id, score]))).toEqual(
      plain.map((hits) => hits.map(({ index: row, score }) => [`p${row}`, score])),
    )
  }
  await store.close()
})

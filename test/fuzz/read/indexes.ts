/**
 * Reads index files and journals as programs do that search and write them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { citation, spanCitation } from '../../../src/cli/citation.js'
import { bytesSource } from '../../../src/files/byte-source.js'
import {
  decodeIndex,
  encodeIndex,
  FlatFileStore,
  FlatIndex,
  type EncoderIdentity,
  type IndexDType,
} from '../../../src/rag/index.js'
import type { Reading } from '../target.js'

const ENCODER: EncoderIdentity = { name: 'made', hash: '0'.repeat(64), pooling: 'mean', normalize: true }
const DIMENSION = 4
const vector = (n: number) => Float32Array.from([1, n, -n, 0.5])

const passage = (n: number) => ({
  id: `a.md#${n}`,
  title: 'Arlen',
  text: 'Arlen is a country.',
  source: { file: 'a.md', headingPath: ['Arlen'], start: 9, end: 28, places: [[0, 19, 9, 3] as const] },
  vector: vector(n),
})

async function writtenIndex(dtype: IndexDType): Promise<{ index: Uint8Array; journal: Uint8Array }> {
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-fuzz-'))
  const path = join(folder, 'a.index')
  try {
    const open = () => FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: DIMENSION, dtype })
    const store = await open()
    await store.upsert({
      id: 'a.md',
      hash: 'x',
      metadata: { format: 'md', tags: ['a', 'b'] },
      passages: [passage(1), passage(2)],
    })
    await store.upsert({ id: 'b.md', hash: 'y', passages: [{ ...passage(3), id: 'b.md#1' }] })
    await store.close()
    const again = await open()
    await again.upsert({ id: 'c.md', hash: 'z', metadata: { n: 1 }, passages: [{ ...passage(4), id: 'c.md#1' }] })
    await again.upsert({ id: 'a.md', hash: 'x2', passages: [passage(1)] })
    await again.delete(['b.md', 'nothing'])
    await again.suspend()
    return { index: new Uint8Array(readFileSync(path)), journal: new Uint8Array(readFileSync(`${path}.journal`)) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function indexSeeds(): Promise<Uint8Array[]> {
  return [(await writtenIndex('float32')).index, (await writtenIndex('int8')).index]
}

export async function journalSeeds(): Promise<Uint8Array[]> {
  return [(await writtenIndex('float32')).journal]
}

export async function readIndex(input: Uint8Array): Promise<void> {
  const store = await FlatFileStore.open(bytesSource(input, 'a.index'))
  await useStore(store)
  await store.close()
}

async function useStore(store: FlatFileStore): Promise<void> {
  await store.size()
  for await (const { id } of store.documents()) if (id === 'never') throw new Error(id)
  const asked = new Float32Array(store.dimension).fill(0.5)
  const [found] = await store.search([asked], 3)
  for (const passage of found) {
    citation(passage)
    spanCitation(passage, { start: 0, end: Math.min(5, passage.text.length) }, 30)
  }
  await store.search([asked], 1, { filter: { format: 'md' } })
  await store.searchText('arlen country', asked, 2)
  await store.passage('a.md#1')
}

/** The journal of an index, which is made new for each input. */
export async function openJournals(): Promise<Reading> {
  const { index } = await writtenIndex('float32')
  const folder = mkdtempSync(join(tmpdir(), 'glassformer-fuzz-'))
  const path = join(folder, 'a.index')
  return {
    async read(input) {
      writeFileSync(path, index)
      writeFileSync(`${path}.journal`, input)
      try {
        await writeOn(path)
      } finally {
        // whatever the journal held, there is an index that can be read
        await readIndex(new Uint8Array(readFileSync(path))).catch((error: unknown) => {
          throw new Error(`the index is broken afterwards: ${(error as Error).message}`)
        })
      }
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}

async function writeOn(path: string): Promise<void> {
  const store = await FlatFileStore.openForWriting(path, { encoder: ENCODER, dimension: DIMENSION })
  try {
    await useStore(store)
    await store.close()
  } finally {
    await store.suspend()
  }
}

/** Indexes of version 1, vectors without passages. */
export async function readVectorIndex(input: Uint8Array): Promise<void> {
  const { index } = decodeIndex(input, 'index.bin')
  index.search(new Float32Array(index.dimension).fill(0.5), 3)
}

export function vectorIndexSeeds(): Uint8Array[] {
  const rows = Float32Array.from([...vector(1), ...vector(2), ...vector(3)])
  const meta = { encoder: 'made', corpus: '01234567' }
  return (['float32', 'int8'] as const).map((dtype) =>
    encodeIndex(new FlatIndex(DIMENSION, ...rowsOf(rows, dtype)), meta),
  )
}

function rowsOf(rows: Float32Array, dtype: IndexDType): [Float32Array | Int8Array, Float32Array?] {
  const { vectors, scales } = FlatIndex.fromVectors(rows, DIMENSION, dtype)
  return [vectors, scales]
}

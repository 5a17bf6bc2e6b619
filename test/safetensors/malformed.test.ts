import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bytesSource, type ByteSource } from '../../src/files/byte-source.js'
import { openFile } from '../../src/files/node-file.js'
import { SafetensorsFile } from '../../src/safetensors/index.js'
import { goldenJson, goldenPath } from '../support/goldens.js'

const FOLDER = 'safetensors/malformed'
const { files } = goldenJson<{ files: { file: string; expect: 'accept' | 'reject'; why: string }[] }>(
  FOLDER,
  'expected.json',
)
const bytesOf = (file: string) => new Uint8Array(readFileSync(goldenPath(FOLDER, file)))

/** The error of each file that has to be refused. */
const CODES: Readonly<Record<string, string>> = {
  'header-length-beyond-file': 'header-length',
  'header-length-over-100MB': 'header-too-large',
  'header-length-huge': 'header-too-large',
  'header-length-zero': 'header-length',
  'not-json': 'header-json',
  'json-array': 'header-json',
  'json-trailing-comma': 'header-json',
  'json-truncated': 'header-json',
  'json-second-value': 'header-json',
  'header-leading-space': 'header-json',
  'duplicate-tensor-name': 'duplicate-key',
  'duplicate-field': 'duplicate-key',
  'duplicate-metadata': 'duplicate-key',
  overlapping: 'overlap',
  'same-bytes-twice': 'overlap',
  hole: 'hole',
  'hole-at-start': 'hole',
  'offset-beyond-data': 'truncated',
  'begin-after-end': 'offsets',
  'negative-offset': 'offsets',
  'fractional-offset': 'offsets',
  'float-integral-offset': 'offsets',
  'three-offsets': 'offsets',
  'one-offset': 'offsets',
  'size-mismatch-large': 'size-mismatch',
  'size-mismatch-small': 'size-mismatch',
  'negative-shape': 'tensor-shape',
  'two-negative-dims': 'tensor-shape',
  'huge-dimension': 'tensor-shape',
  'fractional-shape': 'tensor-shape',
  'string-shape': 'tensor-shape',
  'null-shape': 'tensor-shape',
  'missing-shape': 'tensor-entry',
  'missing-dtype': 'tensor-entry',
  'missing-offsets': 'tensor-entry',
  'product-overflow-to-zero': 'tensor-shape',
  'product-overflow-to-size': 'tensor-shape',
  'product-over-2^53': 'tensor-shape',
  'unknown-dtype': 'unknown-dtype',
  'lowercase-dtype': 'unknown-dtype',
  'dtype-not-string': 'tensor-entry',
  'truncated-data': 'truncated',
  'trailing-bytes': 'trailing-bytes',
  'empty-file': 'file-too-short',
  'seven-bytes': 'file-too-short',
  'only-length': 'header-length',
  'invalid-utf8': 'header-utf8',
  'utf8-bom': 'header-json',
  'lone-surrogate': 'header-json',
  'metadata-number': 'metadata',
  'metadata-nested': 'metadata',
  'metadata-string': 'metadata',
  'tensor-entry-string': 'tensor-entry',
  'tensor-entry-null': 'tensor-entry',
}

describe('malformed files are refused, each for its own reason', () => {
  test.each(files.filter((file) => file.expect === 'reject'))('$file: $why', async ({ file }) => {
    const refused = { code: CODES[file.replace('.safetensors', '')], message: expect.stringContaining(':') as string }
    await expect(SafetensorsFile.open(bytesOf(file))).rejects.toMatchObject(refused)
    await expect(SafetensorsFile.open(new Blob([bytesOf(file)]))).rejects.toMatchObject(refused)
    const source = await openFile(goldenPath(FOLDER), file)
    await expect(SafetensorsFile.open(source!)).rejects.toMatchObject(refused)
    await source!.close()
  })
})

describe('unusual files that the format allows are read', () => {
  test.each(files.filter((file) => file.expect === 'accept'))('$file: $why', async ({ file }) => {
    const opened = await SafetensorsFile.open(bytesOf(file))
    for (const name of opened.tensors.keys()) await opened.tensor(name)
  })
})

test('a header that claims to be huge is refused after eight bytes', async () => {
  for (const file of ['header-length-huge', 'header-length-over-100MB', 'header-length-beyond-file']) {
    const reads: number[] = []
    const source = counting(bytesSource(bytesOf(`${file}.safetensors`)), reads)
    await expect(SafetensorsFile.open(source)).rejects.toThrow()
    expect(reads).toEqual([8])
  }
})

/** Notes how many bytes each read asks for. */
function counting(source: ByteSource, reads: number[]): ByteSource {
  return {
    ...source,
    read: (start, end) => {
      reads.push(end - start)
      return source.read(start, end)
    },
  }
}

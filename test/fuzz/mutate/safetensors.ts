/**
 * Mutations of safetensors files, of which traces are some: the header as JSON, in an envelope that fits it.
 */
import { mutateBytes } from './bytes.js'
import { jsonMutator } from './json.js'
import { join, toBytes, toText, type Mutate } from './mutate.js'

const LENGTH_BYTES = 8
const mutateHeader = jsonMutator([
  'F32',
  'F16',
  'BF16',
  'I64',
  'U8',
  'BOOL',
  'F8_E4M3',
  'dtype',
  'shape',
  'data_offsets',
  '__metadata__',
])

/** A file of this header and these bytes. */
function envelope(header: Uint8Array, data: Uint8Array): Uint8Array {
  const length = new Uint8Array(LENGTH_BYTES)
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true)
  return join(length, header, data)
}

function parts(file: Uint8Array): { header: Uint8Array; data: Uint8Array } | undefined {
  if (file.length < LENGTH_BYTES) return undefined
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const end = LENGTH_BYTES + length
  return end <= file.length ? { header: file.subarray(LENGTH_BYTES, end), data: file.subarray(end) } : undefined
}

export const mutateSafetensors: Mutate = (file, random, others) => {
  const found = parts(file)
  if (!found || random.below(6) === 0) return mutateBytes(file, random, others)
  const headers = others.flatMap((other) => parts(other)?.header ?? [])
  return envelope(mutateHeader(found.header, random, headers), found.data)
}

const KEY = 'glassformer.trace'
const mutateMeta = jsonMutator(['batch', 'query', 'key', 'points', 'steps', 'previous', 'parents', 'tokens'])

/** What a trace says of itself is JSON in a string of the header's. */
export const mutateTrace: Mutate = (file, random, others) => {
  const found = parts(file)
  if (!found || random.below(4) === 0) return mutateSafetensors(file, random, others)
  try {
    const header = JSON.parse(toText(found.header)) as { __metadata__: Record<string, string> }
    const meta = mutateMeta(toBytes(header.__metadata__[KEY]), random, others)
    header.__metadata__[KEY] = toText(meta)
    return envelope(toBytes(JSON.stringify(header)), found.data)
  } catch {
    return mutateSafetensors(file, random, others) // an earlier mutation left no such JSON
  }
}

/**
 * Writing tensors to a safetensors file, in the order of the official library: widest dtype first, then by name, so that every tensor
 * is aligned; the header is padded with spaces to a multiple of 8 bytes.
 */
import { bytesPerElement } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { NAME_OF_DTYPE } from './dtypes.js'
import { WriteError } from './errors.js'
import { LENGTH_BYTES, MAX_HEADER_BYTES, MAX_METADATA, MAX_RANK, MAX_TENSORS } from './header.js'
import { LONGEST_NAME } from './strict-json.js'

/**
 * The bytes of a file with these tensors. Views are written row-major; equal input gives equal bytes.
 * @throws WriteError for two tensors of one name, a name of `__metadata__`, a name that is not well-formed Unicode, or blocks ({@link storedBlocks});
 * and for more or longer ones than a reader takes: 500,000 tensors of 64 axes, 100,000 entries of metadata, 1,024 characters of a name, 100 MB of
 * header
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const named = new Map<string, Tensor>()
  for (const [name, tensor] of tensors) {
    if (named.has(name)) throw new WriteError('writeSafetensors', `two tensors are named ${JSON.stringify(name)}`)
    if (name === '__metadata__') throw new WriteError('writeSafetensors', 'a tensor cannot be named __metadata__')
    if (!name.isWellFormed())
      throw new WriteError('writeSafetensors', `the name ${JSON.stringify(name)} has a lone surrogate`)
    requireAtMost(MAX_RANK, tensor.shape.length, `axes of ${JSON.stringify(name)}`)
    if (!NAME_OF_DTYPE.has(tensor.dtype))
      throw new WriteError(
        'writeSafetensors',
        `${name} is ${tensor.dtype}, which the format has not; storedBlocks() gives its bytes`,
      )
    named.set(name, tensor)
  }
  requireAtMost(MAX_TENSORS, named.size, 'tensors')
  requireAtMost(MAX_METADATA, Object.keys(metadata).length, 'entries of metadata')
  for (const name of [...named.keys(), ...Object.keys(metadata)]) {
    requireAtMost(LONGEST_NAME, JSON.stringify(name).length - 2, `characters of the name ${JSON.stringify(name)}`)
  }
  const ordered = [...named].sort(
    ([nameA, a], [nameB, b]) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || compareBytes(nameA, nameB),
  )

  const fields: string[] = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : []
  let size = 0
  for (const [name, { dtype, shape, size: elements }] of ordered) {
    const end = size + elements * bytesPerElement(dtype)
    const entry = { dtype: NAME_OF_DTYPE.get(dtype), shape, data_offsets: [size, end] }
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    size = end
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`)
  const headerBytes = Math.ceil(json.length / 8) * 8
  requireAtMost(MAX_HEADER_BYTES, headerBytes, 'bytes of header')
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + size)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true)
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes)
  file.set(json, LENGTH_BYTES)

  let at = LENGTH_BYTES + headerBytes
  for (const [, tensor] of ordered) {
    const { data, offset, size: elements } = tensor.contiguous()
    const width = data.BYTES_PER_ELEMENT
    file.set(new Uint8Array(data.buffer, data.byteOffset + offset * width, elements * width), at)
    at += elements * width
  }
  return file
}

function requireAtMost(most: number, count: number, what: string): void {
  if (count > most) throw new WriteError('writeSafetensors', `${count} ${what}, a file may have ${most}`)
}

/** Order of the UTF-8 bytes, which is that of the code points. */
function compareBytes(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  const at = left.findIndex((character, i) => character !== right[i])
  if (at < 0) return left.length - right.length
  return at >= right.length ? 1 : left[at].codePointAt(0)! - right[at].codePointAt(0)!
}

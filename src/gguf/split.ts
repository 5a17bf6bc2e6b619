/**
 * A model in one file or in several, `name-00001-of-00003.gguf` and so on. The first part has the metadata; the tensors lie in all of them.
 */
import { missingFile, type Folder } from '../files/folder.js'
import { GgufDuplicateError, GgufSplitError, quoted } from './errors.js'
import { metadataFields } from './fields.js'
import { GgufFile } from './gguf-file.js'

/** Most parts: the format numbers them with 16 bits, and nobody has needed so many. */
const MAX_PARTS = 1024

/**
 * Opens a file, and the others where it is the first part of a split model.
 * @throws FileError when a file is missing, GgufError for a broken one, GgufSplitError for parts that do not belong together
 */
export async function openParts(folder: Folder, file: string): Promise<GgufFile[]> {
  const parts: GgufFile[] = [await openPart(folder, file)]
  try {
    const { metadata, name } = parts[0]
    const split = metadataFields(metadata, name)
    const count = split.integer('split.count', { fallback: 1, min: 0, max: MAX_PARTS })
    const number = split.integer('split.no', { fallback: 0, min: 0 })
    const names = count > 1 ? namesOf(file, count, name) : [file]
    if (number !== 0) {
      throw new GgufSplitError(name, `is part ${number + 1} of ${count}; give the first one, ${quoted(names[0])}`)
    }
    for (const [index, next] of names.entries()) {
      if (index === 0) continue
      const part = await openPart(folder, next)
      parts.push(part)
      requirePart(part, index, count)
    }
    requireWhole(parts, split.integer('split.tensors.count', { fallback: -1, min: 0 }))
    return parts
  } catch (error) {
    for (const part of parts) await part.close()
    throw error
  }
}

async function openPart(folder: Folder, file: string): Promise<GgufFile> {
  const source = await folder.open(file)
  if (!source) throw missingFile(folder, file, 'is the model, or a part of it')
  try {
    return await GgufFile.open(source)
  } catch (error) {
    await source.close()
    throw error
  }
}

function namesOf(file: string, count: number, where: string): string[] {
  const [, stem, of] = /^(.*)-\d{5}-of-(\d{5})\.gguf$/i.exec(file) ?? []
  if (stem === undefined || Number(of) !== count) {
    throw new GgufSplitError(
      where,
      `is a part of ${count}, and its name does not end in -00001-of-${padded(count)}.gguf`,
    )
  }
  return Array.from({ length: count }, (_, i) => `${stem}-${padded(i + 1)}-of-${of}.gguf`)
}

function padded(number: number): string {
  return String(number).padStart(5, '0')
}

function requirePart({ metadata, name }: GgufFile, index: number, count: number): void {
  const split = metadataFields(metadata, name)
  const [number, total] = [split.integer('split.no', { min: 0 }), split.integer('split.count')]
  if (number === index && total === count) return
  throw new GgufSplitError(
    name,
    `says that it is part ${number + 1} of ${total}, expected part ${index + 1} of ${count}`,
  )
}

/** No tensor is there twice, and none is missing. */
function requireWhole(parts: readonly GgufFile[], expected: number): void {
  const seen = new Set<string>()
  for (const { tensors, name } of parts) {
    for (const tensor of tensors.keys()) {
      if (seen.has(tensor)) throw new GgufDuplicateError(name, `the tensor ${quoted(tensor)} is in another part too`)
      seen.add(tensor)
    }
  }
  if (expected === -1 || seen.size === expected) return
  throw new GgufSplitError(parts[0].name, `the parts have ${seen.size} tensors together, expected ${expected}`)
}

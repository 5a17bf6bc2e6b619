/**
 * Several files of a folder in one input: a line `=== name` before each. Of a model, the first line says whose weights it has.
 */
import type { Mutate } from './mutate.js'
import { join, toBytes, toText } from './mutate.js'

export interface NamedFile {
  readonly name: string
  readonly content: Uint8Array
}

/** @returns what stands before the first file, and the files */
export function filesOf(input: Uint8Array): { readonly head: string; readonly files: readonly NamedFile[] } {
  const [head, ...parts] = Buffer.from(input)
    .toString('latin1')
    .split(/^=== (?=[\w./]+\n)/m) // bytes stay as they are
  return {
    head,
    files: parts.map((part) => {
      const end = part.indexOf('\n')
      return { name: part.slice(0, end), content: new Uint8Array(Buffer.from(part.slice(end + 1), 'latin1')) }
    }),
  }
}

export function inputOf(head: string, files: readonly NamedFile[]): Uint8Array {
  const endsLine = (content: Uint8Array) => (toText(content).endsWith('\n') ? [] : [toBytes('\n')])
  return join(
    toBytes(head),
    ...files.flatMap(({ name, content }) => [toBytes(`=== ${name}\n`), content, ...endsLine(content)]),
  )
}

/** Mutates one of the files. */
export function filesMutator(mutate: Mutate): Mutate {
  return (input, random, others) => {
    const { head, files } = filesOf(input)
    if (files.length === 0) return mutate(input, random, others)
    const at = random.below(files.length)
    const made = files.map((file, i) =>
      i === at ? { ...file, content: mutate(file.content, random, [file.content]) } : file,
    )
    return inputOf(head, made)
  }
}

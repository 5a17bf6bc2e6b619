/**
 * `glassformer index`: embeds a corpus and writes the index file.
 */
import { access, constants, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DEFAULT_WEIGHTS } from '../shipped-files.js'
import { FileError } from '../errors.js'
import { parseCorpus, Retriever, SentenceEncoder, type IndexDType } from '../rag/index.js'
import { openFolder, subfolder } from '../files/folder.js'
import { UsageError, type Arguments, type CommandSpec } from './arguments.js'
import { nameOf, readTextFile } from './input-files.js'
import type { Terminal } from './terminal.js'

export const indexSpec: CommandSpec = {
  name: 'index',
  positionals: ['CORPUS'],
  summary: 'Embeds the passages of a corpus (JSON lines {"id", "title", "text"}) and writes their index.',
  options: {
    out: { type: 'string', value: 'FILE', help: 'the index file to write (required)' },
    dtype: { type: 'string', value: 'DTYPE', help: 'float32 (default) or int8, a quarter of the size' },
  },
}

const DTYPES: readonly string[] = ['float32', 'int8'] satisfies IndexDType[]

export async function indexCorpus(
  { positionals, options }: Arguments,
  { print, progress, signal }: Terminal,
): Promise<void> {
  const { out, dtype = 'float32' } = options
  if (typeof out !== 'string') throw new UsageError('--out FILE is missing')
  if (!DTYPES.includes(String(dtype)))
    throw new UsageError(`--dtype is "${dtype}", expected one of ${DTYPES.join(', ')}`)
  const [file] = positionals
  const passages = parseCorpus(await readTextFile(file), nameOf(file))
  await access(dirname(out), constants.W_OK).catch((error: Error) => {
    throw unwritable(out, error) // now, and not after the passages are embedded
  })
  const encoder = await SentenceEncoder.fromPretrained(subfolder(openFolder(DEFAULT_WEIGHTS), 'all-MiniLM-L6-v2'), {
    signal,
  })
  const retriever = await Retriever.build(encoder, passages, {
    dtype: dtype as IndexDType,
    signal,
    onProgress: (done, total) => progress('embedding', done, total),
  })
  await writeWhole(out, retriever.save())
  print(`${out}: ${passages.length} passages, ${encoder.dimension} dimensions, ${dtype}`)
}

/** Writes beside the file and renames, so that the file is whole or not there. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const partial = `${file}.${process.pid}.partial`
  try {
    await writeFile(partial, bytes)
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw unwritable(file, error as Error)
  }
}

function unwritable(file: string, cause: Error): FileError {
  return new FileError('file-unwritable', `${file}: cannot be written (${cause.message})`, { cause })
}

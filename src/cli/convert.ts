/**
 * `glassformer convert`: a model with its matrices in 8 or 4 bits, as a folder of its own.
 */
import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError } from '../errors.js'
import { isFolder } from '../files/node-file.js'
import { snapshotDownload } from '../hub/index.js'
import { quantiseCheckpoint } from '../models/index.js'
import { writeSafetensors } from '../safetensors/index.js'
import type { Tensor } from '../tensor/index.js'
import { choice, UsageError, type Arguments, type CommandSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import type { Terminal } from './terminal.js'

const DTYPES = ['q8', 'q4'] as const

export const convertSpec: CommandSpec = {
  name: 'convert',
  positionals: ['MODEL', 'FOLDER'],
  summary: 'Writes a Hugging Face model (a folder, or org/name on the hub) with its matrices in 8 or 4 bits.',
  options: { dtype: { type: 'string', value: 'DTYPE', help: 'q8 or q4 (required)' } },
  details:
    'FOLDER gets model.safetensors and the other files of the model. A matrix NAME in blocks is stored as its bytes,\n' +
    'U8 [rows, blocks of a row, bytes of a block], as NAME.q8_0, NAME.q4_k, …: the block formats of GGUF.',
}

/** Weights in other files than the one that is written. */
const WEIGHTS = /\.(safetensors|index\.json|bin|pt|h5|msgpack|onnx|gguf)$/

export async function convert({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const [model, target] = positionals
  const dtype = choice('dtype', options.dtype, DTYPES)
  if (!dtype) throw new UsageError('--dtype is missing: q8 or q4')
  await requireEmpty(target)
  const download = downloadOptions(terminal)
  const folder = (await isFolder(model)) ? model : await snapshotDownload(model, download)
  const tensors: (readonly [string, Tensor])[] = []
  for await (const tensor of quantiseCheckpoint(folder, dtype, download)) tensors.push(tensor)
  const file = writeSafetensors(tensors, { format: 'pt' })
  await cp(folder, target, { recursive: true, dereference: true, filter: (path) => !WEIGHTS.test(path) })
  await writeFile(join(target, 'model.safetensors'), file)
  terminal.print(`${target}: ${tensors.length} tensors, ${(file.length / 1e6).toFixed(1)} MB`)
}

/** @throws FileError when there are files already, which would be mixed with those of the model */
async function requireEmpty(folder: string): Promise<void> {
  const files = await readdir(folder).catch(() => [])
  if (files.length > 0) throw new FileError('not-empty', `${folder} holds files already; name a new folder`)
}

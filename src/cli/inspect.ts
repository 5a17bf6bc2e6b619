/**
 * `glassformer inspect`: what a model folder holds, from its config and the headers of its files; no weight is read.
 */
import { requireText } from '../files/folder.js'
import { JsonObject } from '../files/json.js'
import { openPretrained } from '../hub/index.js'
import { FAMILIES } from '../models/index.js'
import { openCheckpoint } from '../safetensors/index.js'
import { showShape, sizeOf } from '../tensor/index.js'
import type { Arguments, CommandSpec } from './arguments.js'
import { downloadOptions } from './download.js'
import { counted, oneLine, type Terminal } from './terminal.js'

export const inspectSpec: CommandSpec = {
  name: 'inspect',
  positionals: ['MODEL'],
  summary: 'Shows the family, the config, and every tensor of a model (a folder, a GGUF file, or org/name on the hub).',
  options: { json: { type: 'boolean', help: 'print as JSON' } },
}

export async function inspect({ positionals, options }: Arguments, terminal: Terminal): Promise<void> {
  const { print, bold, dim } = terminal
  const folder = await openPretrained(positionals[0], downloadOptions(terminal))
  const { GgufFolder } = await import('../gguf/index.js') // which other commands load where they are given one
  if (folder instanceof GgufFolder) {
    const { inspectGguf } = await import('./inspect-gguf.js')
    return inspectGguf(folder, options.json === true, terminal)
  }
  const text = await requireText(folder, 'config.json', 'a Hugging Face model folder has; check the path')
  const config = JsonObject.parse(text, `${folder.name}/config.json`)
  const checkpoint = await openCheckpoint(folder)
  await checkpoint.close()
  const tensors = [...checkpoint.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }))
  const family = config.string('model_type', 'unknown')
  const supported = FAMILIES.some(({ modelType }) => modelType === family)
  const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  if (options.json) {
    const fields = Object.fromEntries(config.keys().map((key) => [key, config.get(key)]))
    print(JSON.stringify({ family, supported, parameters, config: fields, tensors }, null, 2))
    return
  }
  const width = tensors.reduce((widest, { name }) => Math.max(widest, name.length), 0)
  print(`${bold('family')}      ${oneLine(family, undefined)}${supported ? '' : ' (not supported by this version)'}`)
  print(`${bold('parameters')}  ${parameters.toLocaleString('en')} in ${counted(tensors.length, 'tensor')}`)
  print(bold('config'))
  for (const key of config.keys()) print(`  ${oneLine(key, undefined)}: ${JSON.stringify(config.get(key))}`)
  print(bold('tensors'))
  for (const { name, dtype, shape } of tensors)
    print(`  ${oneLine(name, undefined).padEnd(width)}  ${dim(dtype.padEnd(8))}  ${showShape(shape)}`)
}

/**
 * What `glassformer inspect` shows of a GGUF: its metadata and its tensors, as the file has them. Models that cannot be loaded are shown too.
 */
import { isSupported, type GgufFolder, type GgufValue } from '../gguf/index.js'
import { showShape, sizeOf } from '../tensor/index.js'
import { counted, oneLine, type Terminal } from './terminal.js'

/** Items of a list that are shown. */
const SHOWN_ITEMS = 6
/** Characters of a value that are shown. */
const SHOWN_TEXT = 100

export async function inspectGguf(folder: GgufFolder, json: boolean, { print, bold, dim }: Terminal): Promise<void> {
  const parts = await folder.parts()
  for (const part of parts) await part.close()
  const { metadata, version } = parts[0]
  const tensors = parts.flatMap((part) =>
    [...part.tensors].map(([name, { type, shape }]) => ({ name, type: type.name, shape })),
  )
  const architecture = String(metadata.get('general.architecture') ?? 'unknown')
  const supported = isSupported(architecture)
  const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  if (json) {
    const fields = Object.fromEntries([...metadata].map(([key, value]) => [key, plain(value)]))
    const summary = { architecture, supported, version, parts: parts.length, parameters, metadata: fields, tensors }
    print(JSON.stringify(summary, null, 2))
    return
  }
  const files = parts.length === 1 ? '' : ` in ${parts.length} files`
  print(`${bold('format')}        GGUF ${version}${files}`)
  print(
    `${bold('architecture')}  ${oneLine(architecture, SHOWN_TEXT)}${supported ? '' : ' (not supported by this version)'}`,
  )
  print(`${bold('parameters')}    ${parameters.toLocaleString('en')} in ${counted(tensors.length, 'tensor')}`)
  print(bold('metadata'))
  for (const [key, value] of metadata) print(`  ${oneLine(key, undefined)}: ${oneLine(shown(value), SHOWN_TEXT)}`)
  print(bold('tensors'))
  const width = tensors.reduce((widest, { name }) => Math.max(widest, name.length), 0)
  for (const { name, type, shape } of tensors) {
    print(`  ${oneLine(name, undefined).padEnd(width)}  ${dim(type.padEnd(6))}  ${showShape(shape)}`)
  }
}

/** A value for people: long lists by their length and their beginning. */
function shown(value: GgufValue): string {
  if (typeof value !== 'object') return typeof value === 'string' ? JSON.stringify(value) : String(value)
  const items = Array.from<unknown>(value)
    .slice(0, SHOWN_ITEMS)
    .map((item) => JSON.stringify(plain(item as GgufValue)))
  return value.length <= SHOWN_ITEMS ? `[${items.join(', ')}]` : `${value.length} items, ${items.join(', ')}, …`
}

/** Integers beyond ±2^53 as texts, typed arrays as lists. */
function plain(value: GgufValue): unknown {
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'object' ? Array.from<unknown>(value).map((item) => plain(item as GgufValue)) : value
}

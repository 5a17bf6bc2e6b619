/**
 * Opens files as documents. What has changed is told by a hash of their bytes, so a file that has not is not parsed; of one that holds many
 * documents, each record has its own.
 */
import { FileError } from '../errors.js'
import type { ByteSource } from '../files/byte-source.js'
import { linesOf, type Line } from '../files/lines.js'
import { sha256 } from '../files/sha256.js'
import { DocumentError, type Document, type DocumentEntry, type ParsedText } from './document.js'
import { EXTENSIONS, formatOf, type DocumentFormat } from './formats.js'
import { parse as parseHere, type Parse } from './parse.js'

/** Files that are read whole are at most so large; JSON lines may be larger. */
const LARGEST = 256 << 20
/** Characters of JSON lines that are parsed together, at least. */
const PORTION = 1 << 20

/**
 * The documents of a file: one, or as many as it has records.
 * @param file path that citations give
 * @param parse what parses; unless told, this thread does, for as long as it takes
 * @throws DocumentError or FileError when the file cannot be read
 */
export async function* openDocuments(
  source: ByteSource,
  file: string,
  format: DocumentFormat | undefined = formatOf(file),
  parse: Parse = parseHere,
): AsyncGenerator<DocumentEntry> {
  switch (format) {
    case undefined:
      throw new DocumentError(
        'unknown-format',
        `${file}: not a known kind of file; known are ${EXTENSIONS.map((extension) => `.${extension}`).join(', ')}`,
      )
    case 'jsonl':
      return yield* recordEntries(parsedPortions(source, file, parse), file, format)
    case 'json':
    case 'csv':
    case 'tsv': {
      const content = await wholeFile(source, file)
      return yield* recordEntries([await parse({ file, format, content })], file, format)
    }
    case 'text':
    case 'markdown':
    case 'html':
    case 'pdf': {
      const content = await wholeFile(source, file)
      const load = async () => {
        const [text] = await parse({ file, format, content })
        return documentOf(text, file, format)
      }
      return yield { id: file, hash: await sha256(content), size: content.length, load }
    }
  }
  format satisfies never
}

/** @throws DocumentError for an id that occurs twice */
async function* recordEntries(
  portions: AsyncIterable<readonly ParsedText[]> | Iterable<readonly ParsedText[]>,
  file: string,
  format: DocumentFormat,
): AsyncGenerator<DocumentEntry> {
  const ids = new Set<string>()
  for await (const records of portions) {
    for (const record of records) {
      const { id, size } = record.record!
      if (ids.has(id)) throw new DocumentError('duplicate-id', `${file}: the id ${JSON.stringify(id)} occurs twice`)
      ids.add(id)
      const document = documentOf(record, file, format)
      const hash = await sha256(JSON.stringify([document.title, document.blocks[0].text, document.metadata]))
      yield { id: document.id, hash, size, load: async () => document }
    }
  }
}

function documentOf({ title, blocks, metadata, record }: ParsedText, file: string, format: DocumentFormat): Document {
  return {
    id: record ? `${file}#${record.id}` : file,
    file,
    record: record?.id,
    title: title ?? nameOf(file),
    blocks,
    metadata: { ...metadata, file, format },
  }
}

/** What a file is called, without folders and the end that tells its format. */
function nameOf(file: string): string {
  return file
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.\w+$/, '')
}

async function* parsedPortions(source: ByteSource, file: string, parse: Parse): AsyncGenerator<readonly ParsedText[]> {
  const format = 'jsonl'
  let content: Line[] = []
  let length = 0
  for await (const line of linesOf(source)) {
    content.push(line)
    length += line.text.length
    if (length < PORTION) continue
    yield await parse({ file, format, content })
    content = []
    length = 0
  }
  if (content.length > 0) yield await parse({ file, format, content })
}

async function wholeFile(source: ByteSource, file: string): Promise<Uint8Array> {
  if (source.size > LARGEST) {
    throw new FileError('file-too-large', `${file}: ${source.size} bytes, at most ${LARGEST} are read; split it`)
  }
  return source.read(0, source.size)
}

/**
 * Which files are read, by the end of their names, and how.
 */
import { FileError, GlassformerError } from '../errors.js'
import type { ByteSource } from '../files/byte-source.js'
import { sha256 } from '../files/sha256.js'
import { csvRecords } from './csv.js'
import { decodeText } from './decode-text.js'
import { DocumentError, type DocumentEntry, type ParsedText } from './document.js'
import { parseHtml } from './html.js'
import { jsonLineRecords, jsonRecords } from './json.js'
import { parseMarkdown } from './markdown.js'
import { parsePdf } from './pdf.js'
import { parsePlainText } from './plain-text.js'
import { recordEntries } from './records.js'

const FORMATS = {
  txt: 'text',
  md: 'markdown',
  markdown: 'markdown',
  html: 'html',
  htm: 'html',
  json: 'json',
  jsonl: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
  pdf: 'pdf',
} as const

export type DocumentFormat = (typeof FORMATS)[keyof typeof FORMATS]

/** The ends of names that are known, without the dot. */
export const EXTENSIONS: readonly string[] = Object.keys(FORMATS)

/** The format that a file's name tells, or undefined. */
export function formatOf(path: string): DocumentFormat | undefined {
  const extension = /\.(\w+)$/.exec(path)?.[1].toLowerCase()
  return extension !== undefined && Object.hasOwn(FORMATS, extension)
    ? FORMATS[extension as keyof typeof FORMATS]
    : undefined
}

/** Files that are read whole are at most so large; JSON lines may be larger. */
const LARGEST = 256 << 20

/**
 * The documents of a file: one, or as many as it has records.
 * @param file path that citations give
 * @throws DocumentError or FileError when the file cannot be read
 */
export async function* openDocuments(
  source: ByteSource,
  file: string,
  format: DocumentFormat | undefined = formatOf(file),
): AsyncGenerator<DocumentEntry> {
  const title = file
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.\w+$/, '')
  const records = { file, format: format ?? '', title }
  switch (format) {
    case 'jsonl':
      return yield* recordEntries(jsonLineRecords(source, file), records)
    case 'json':
      return yield* recordEntries(jsonRecords(decodeText(await wholeFile(source, file), file), file), records)
    case 'csv':
    case 'tsv': {
      const text = decodeText(await wholeFile(source, file), file)
      return yield* recordEntries(await csvRecords(text, file, format === 'tsv' ? '\t' : undefined), records)
    }
    case 'text':
    case 'markdown':
    case 'html':
    case 'pdf': {
      const bytes = await wholeFile(source, file)
      const load = async () => {
        const parsed = await parse(bytes, file, format)
        const metadata = { ...parsed.metadata, file, format }
        return { id: file, file, title: parsed.title ?? title, blocks: parsed.blocks, metadata }
      }
      return yield { id: file, hash: await sha256(bytes), size: bytes.length, load }
    }
    case undefined:
      throw new DocumentError(
        'unknown-format',
        `${file}: not a known kind of file; known are ${EXTENSIONS.map((extension) => `.${extension}`).join(', ')}`,
      )
  }
  format satisfies never
}

type Parser = (bytes: Uint8Array, file: string) => Promise<ParsedText>

const PARSERS: Readonly<Record<'text' | 'markdown' | 'html' | 'pdf', Parser>> = {
  text: (bytes, file) => parsePlainText(decodeText(bytes, file)),
  markdown: (bytes, file) => parseMarkdown(decodeText(bytes, file), file),
  html: (bytes, file) => parseHtml(decodeText(bytes, file, { html: true })),
  pdf: parsePdf,
}

/** A parser of another's that fails at a file has failed at this one alone. */
async function parse(bytes: Uint8Array, file: string, format: keyof typeof PARSERS): Promise<ParsedText> {
  try {
    return await PARSERS[format](bytes, file)
  } catch (error) {
    if (error instanceof GlassformerError) throw error
    const { message } = error as Error
    throw new DocumentError('parser-failed', `${file}: cannot be read as ${format} (${message})`, { cause: error })
  }
}

async function wholeFile(source: ByteSource, file: string): Promise<Uint8Array> {
  if (source.size > LARGEST) {
    throw new FileError('file-too-large', `${file}: ${source.size} bytes, at most ${LARGEST} are read; split it`)
  }
  return source.read(0, source.size)
}

/**
 * Parses a file, or some lines of one: bytes in, titles and texts out. It runs where it is called; apart.ts has it called in another thread, so what
 * goes in and what comes out are plain values.
 */
import { GlassformerError } from '../errors.js'
import type { Line } from '../files/lines.js'
import { csvRecords } from './csv.js'
import { decodeText } from './decode-text.js'
import { DocumentError, type ParsedText } from './document.js'
import type { DocumentFormat } from './formats.js'
import { parseHtml } from './html.js'
import { jsonLineRecords, jsonRecords } from './json.js'
import { parseMarkdown } from './markdown.js'
import { parsePdf } from './pdf.js'
import { parsePlainText } from './plain-text.js'
import { recordTexts } from './records.js'

/** What is parsed at a time: a whole file, or some lines of JSON lines. */
export type ParseJob =
  | { readonly file: string; readonly format: Exclude<DocumentFormat, 'jsonl'>; readonly content: Uint8Array }
  | { readonly file: string; readonly format: 'jsonl'; readonly content: readonly Line[] }

/** What is in it: one text, or one for each record. @throws DocumentError */
export type Parse = (job: ParseJob) => Promise<readonly ParsedText[]>

/** Parses in this thread, which does nothing else meanwhile. A parser of another's that fails at a file has failed at this one alone. */
export const parse: Parse = async (job) => {
  try {
    return await parserOf(job)
  } catch (error) {
    if (error instanceof GlassformerError) throw error
    const { file, format } = job
    const { message } = error as Error
    throw new DocumentError('parser-failed', `${file}: cannot be read as ${format} (${message})`, { cause: error })
  }
}

async function parserOf(job: ParseJob): Promise<readonly ParsedText[]> {
  const { file } = job
  switch (job.format) {
    case 'text':
      return [parsePlainText(decodeText(job.content, file))]
    case 'markdown':
      return [await parseMarkdown(decodeText(job.content, file), file)]
    case 'html':
      return [await parseHtml(decodeText(job.content, file, { html: true }))]
    case 'pdf':
      return [await parsePdf(job.content, file)]
    case 'json':
      return recordTexts(jsonRecords(decodeText(job.content, file), file), file)
    case 'jsonl':
      return recordTexts(jsonLineRecords(job.content, file), file)
    case 'csv':
    case 'tsv':
      return recordTexts(
        await csvRecords(decodeText(job.content, file), file, job.format === 'tsv' ? '\t' : undefined),
        file,
      )
  }
}

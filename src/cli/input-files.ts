/**
 * Texts and passages that come from files or from standard input.
 */
import { readFile } from 'node:fs/promises'
import { buffer as readStream } from 'node:stream/consumers'
import { FileError } from '../errors.js'
import { CorpusError, parseCorpus, type Passage } from '../rag/index.js'

/** The content of a file, or of standard input for `-`. @throws FileError when it cannot be read or is not UTF-8 text */
export async function readTextFile(file: string): Promise<string> {
  const bytes = file === '-' ? await readStream(process.stdin) : await readBytes(file)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw new FileError('not-utf8', `${nameOf(file)}: not valid UTF-8 text`, { cause: error })
  }
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new FileError('file-unreadable', `${file}: cannot be read (${(error as Error).message})`, { cause: error })
  }
}

/** What a file is called in messages. */
export function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file
}

/** Passages as JSON lines, or as plain text with a passage on each line. */
export async function readPassages(file: string): Promise<Passage[]> {
  const text = await readTextFile(file)
  if (text.trimStart().startsWith('{')) return parseCorpus(text, nameOf(file))
  const lines = linesOf(text)
  if (lines.length === 0) {
    throw new CorpusError('empty-corpus', `${nameOf(file)}: there are no passages; give at least one`)
  }
  return lines.map((line, i) => ({ id: String(i + 1), title: '', text: line.trim() }))
}

/** The lines that are not blank. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '')
}

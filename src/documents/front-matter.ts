/**
 * YAML between two lines of dashes at the beginning of a Markdown file: what the file says of itself.
 */
import { DocumentError } from './document.js'
import { loadParser } from './parser.js'
import type { RecordValue } from './records.js'

const FENCED = /^---[ \t]*\r?\n([\s\S]*?\r?\n)?---[ \t]*(?:\r?\n|$)/

export interface FrontMatter {
  readonly fields: ReadonlyMap<string, RecordValue>
  /** Characters of the file that it takes up. */
  readonly length: number
}

/** Text between dashes that is no list of fields is none: it is a part of the text. @throws DocumentError for what is not YAML */
export async function frontMatterOf(source: string, where: string): Promise<FrontMatter> {
  const none = { fields: new Map(), length: 0 }
  const [whole, yaml = ''] = FENCED.exec(source) ?? []
  if (whole === undefined) return none
  const { parse, YAMLParseError } = await loadParser('yaml', 'front matter', () => import('yaml'))
  try {
    const value = parse(yaml) as RecordValue
    if (value !== null && (typeof value !== 'object' || Array.isArray(value))) return none
    return { fields: new Map(Object.entries(value ?? {})), length: whole.length }
  } catch (error) {
    const { message } = error as Error
    const line = error instanceof YAMLParseError ? (error.linePos?.[0].line ?? 0) + 1 : 1
    throw new DocumentError('bad-front-matter', `${where}, line ${line}: ${message.split(/ at line |\n/)[0]}`, {
      cause: error,
    })
  }
}

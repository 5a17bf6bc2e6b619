/**
 * Which files are read, by the end of their names.
 */

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

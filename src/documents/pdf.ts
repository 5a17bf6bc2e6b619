/**
 * PDF, by unpdf (Mozilla's pdf.js): the text layer of each page, under headings that are known by the size of their letters. Words that a hyphen
 * parts at the end of a line are joined.
 */
import { DocumentError, type ParsedText } from './document.js'
import { Outline } from './outline.js'
import { loadParser } from './parser.js'
import { pageOf, PdfLayout, type PdfLine, type PdfPage } from './pdf-lines.js'

export async function parsePdf(bytes: Uint8Array, where: string): Promise<ParsedText> {
  const unpdf = await loadParser('unpdf', 'PDF', () => import('unpdf'))
  try {
    const pdf = await unpdf.getDocumentProxy(bytes.slice(), { verbosity: 0 }) // a copy: the parser takes its input over
    try {
      const { items } = await unpdf.extractTextItems(pdf)
      const pages = items.map(pageOf)
      if (pages.every(({ lines }) => lines.length === 0)) {
        throw new DocumentError(
          'no-text',
          `${where}: none of its ${pages.length} pages has text; scanned pages need character recognition first`,
        )
      }
      const { info } = await unpdf.getMeta(pdf)
      const title: unknown = (info as Record<string, unknown>).Title
      const { outline, firstHeading } = outlineOf(pages)
      return { title: (typeof title === 'string' && title.trim()) || firstHeading, blocks: outline.blocks() }
    } finally {
      await pdf.destroy()
    }
  } catch (error) {
    if (error instanceof DocumentError) throw error
    const { name, message } = error as Error
    if (name === 'PasswordException') {
      throw new DocumentError('encrypted', `${where}: is encrypted; save a copy without a password`, { cause: error })
    }
    throw new DocumentError('bad-pdf', `${where}: cannot be read as a PDF (${message})`, { cause: error })
  }
}

function outlineOf(pages: readonly PdfPage[]): { readonly outline: Outline; readonly firstHeading?: string } {
  const layout = new PdfLayout(pages)
  const outline = new Outline()
  let firstHeading: string | undefined
  for (const [i, page] of pages.entries()) {
    outline.page(i + 1, page.text)
    for (const { lines, level } of runs(page.lines, layout)) {
      const heading = page.text.slice(lines[0].start, lines.at(-1)!.end).replace(/\s+/g, ' ').trim()
      if (level > 0 && layout.isHeading(heading)) {
        outline.heading(level, heading)
        firstHeading ??= heading
      } else addLines(outline, page, lines, layout)
    }
  }
  return { outline, firstHeading }
}

interface Run {
  readonly lines: PdfLine[]
  /** Of a heading, 0 for others. */
  readonly level: number
}

/** Neighbours that are of one level. */
function runs(lines: readonly PdfLine[], layout: PdfLayout): Run[] {
  const found: Run[] = []
  for (const line of lines) {
    const level = layout.levelOf(line)
    const run = found.at(-1)
    if (run?.level === level && !(level > 0 && layout.beginsParagraph(run.lines.at(-1)!, line))) run.lines.push(line)
    else found.push({ lines: [line], level })
  }
  return found
}

function addLines(outline: Outline, { text }: PdfPage, lines: readonly PdfLine[], layout: PdfLayout): void {
  outline.paragraph()
  for (const [i, { start, end }] of lines.entries()) {
    const next = lines.at(i + 1)
    const hyphen = next && layout.hyphenBetween(text.slice(start, end), text.slice(next.start, next.end))
    outline.text.append(text.slice(start, end - (hyphen ?? 0)), start, end - (hyphen ?? 0))
    if (!next || hyphen !== undefined) continue
    if (layout.beginsParagraph(lines[i], next)) outline.paragraph()
    else outline.text.append(text.slice(end, next.start), end, next.start)
  }
  outline.paragraph()
}

/**
 * PDF, by unpdf (Mozilla's pdf.js). Each page is a block; its text is what the page's text layer says, line by line.
 */
import { DocumentError, type Block } from './document.js'
import { loadParser } from './parser.js'

export async function parsePdf(
  bytes: Uint8Array,
  where: string,
): Promise<{ title?: string; blocks: readonly Block[] }> {
  const { extractText, getDocumentProxy, getMeta } = await loadParser('unpdf', 'PDF', () => import('unpdf'))
  try {
    const pdf = await getDocumentProxy(bytes.slice(), { verbosity: 0 }) // a copy: the parser takes its input over
    try {
      const { text: pages } = await extractText(pdf, { mergePages: false })
      const blocks = pages.flatMap((text, i): Block[] => {
        const spans = [{ at: 0, length: text.length, start: 0, end: text.length }]
        return text.trim() === '' ? [] : [{ text, spans, headingPath: [], page: i + 1 }]
      })
      if (blocks.length === 0) {
        throw new DocumentError(
          'no-text',
          `${where}: none of its ${pages.length} pages has text; scanned pages need character recognition first`,
        )
      }
      const { info } = await getMeta(pdf)
      const title: unknown = (info as Record<string, unknown>).Title
      return { title: typeof title === 'string' && title.trim() !== '' ? title.trim() : undefined, blocks }
    } finally {
      await pdf.destroy()
    }
  } catch (error) {
    if (error instanceof DocumentError) throw error
    throw new DocumentError('bad-pdf', `${where}: cannot be read as a PDF (${(error as Error).message})`, {
      cause: error,
    })
  }
}

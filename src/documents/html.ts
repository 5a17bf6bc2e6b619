/**
 * HTML, by parse5, which reads it as browsers do. Scripts, styles and what only leads through the pages are left out (html-page.ts); spaces are
 * single, but in <pre>; an image is its alternative text.
 */
import type { ParsedText } from './document.js'
import { addDefinitions, type DefinitionWriter } from './html-definitions.js'
import {
  attributeOf,
  childrenOf,
  isText,
  textOf,
  type HtmlElement,
  type HtmlNode,
  type HtmlText,
} from './html-nodes.js'
import { contentOf, isAside, isLeftOut, isRemarkTitle } from './html-page.js'
import { addHtmlTable, type CellWriter } from './html-table.js'
import { sourceRange, TextBuilder, type Span } from './mapped-text.js'
import { LONGEST_HEADING, Outline } from './outline.js'
import { loadParser } from './parser.js'

/** Elements that stand within a line; all others begin a paragraph. */
const INLINE = new Set(
  (
    'a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr output q ruby s samp small span strike ' +
    'strong sub sup time tt u var wbr'
  ).split(' '),
)
/** Elements whose first words go on from a label in front of them. */
const CONTINUE = new Set('br dd div p section'.split(' '))

const loadParse5 = () => loadParser('parse5', 'HTML', () => import('parse5'))

export async function parseHtml(source: string): Promise<ParsedText> {
  const { parse } = await loadParse5()
  const writer = new HtmlWriter(new Outline(source), source, 0)
  const page = parse(source, { sourceCodeLocationInfo: true })
  const title = titleOf(page)
  writer.write(contentOf(page))
  return { title: withoutSite(title, writer.firstHeading) || writer.firstHeading, blocks: writer.outline.blocks() }
}

function titleOf(node: HtmlNode): string {
  if (node.nodeName === 'title') return textOf(node)
  const within = new Set(['#document', 'html', 'head'])
  return within.has(node.nodeName) ? (childrenOf(node).map(titleOf).find(Boolean) ?? '') : ''
}

/** Many pages are called `Their heading — the site`, which would stand in each passage. */
function withoutSite(title: string, heading: string | undefined): string {
  return heading !== undefined && title.startsWith(heading) && SEPARATED.test(title.slice(heading.length))
    ? heading
    : title
}

const SEPARATED = /^(\s+[-–—|·»/]|:)\s/

/** Puts what a piece of HTML says into an outline; `shift` is where it begins in the text that the outline leads to. */
export type FragmentReader = (html: string, outline: Outline, shift: number) => void

/** For HTML inside of another text. */
export async function fragmentReader(): Promise<FragmentReader> {
  const { parseFragment } = await loadParse5()
  return (html, outline, shift) => {
    new HtmlWriter(outline, html, shift).write(parseFragment(html, { sourceCodeLocationInfo: true }))
  }
}

/** What stands between two words: a space in the source, or what was put there. */
interface Gap {
  readonly text: string
  readonly place?: { readonly start: number; readonly end: number }
}

const SPACE: Gap = { text: ' ' }

class HtmlWriter implements CellWriter, DefinitionWriter {
  readonly outline: Outline
  readonly #source: string
  readonly #shift: number
  firstHeading: string | undefined
  /** In a cell of a table or a term, which are parts of a line: nothing begins a paragraph. */
  #inLine = false
  #lineBegins = false
  #lineBreak = SPACE
  /** Between the first two blocks of the line. */
  #firstBreak = SPACE
  /** A label was written, and what comes next goes on from it. */
  #labelled = false
  /** Written when a word follows. */
  #gap: Gap | undefined

  constructor(outline: Outline, source: string, shift: number) {
    this.outline = outline
    this.#source = source
    this.#shift = shift
  }

  write(node: HtmlNode, preformatted = false): void {
    if (isText(node)) return this.#writeText(node, preformatted)
    if (isLeftOut(node)) return
    const name = node.nodeName
    if (name === 'img') return this.#writeAlternative(node as HtmlElement)
    if (!this.#inLine) {
      if (isRemarkTitle(node)) return this.writeLabel([node as HtmlElement])
      const level = /^h([1-6])$/.exec(name)?.[1]
      const heading = level && textOf(node)
      if (heading !== undefined && heading.length <= LONGEST_HEADING) return this.#writeHeading(Number(level), heading)
      if (name === 'table') return this.#apart(name, () => addHtmlTable(node as HtmlElement, this))
      if (name === 'dl') return this.#apart(name, () => addDefinitions(node as HtmlElement, this))
    }
    const writeChildren = () => childrenOf(node).forEach((child) => this.write(child, preformatted || name === 'pre'))
    if (INLINE.has(name)) writeChildren()
    else if (isAside(node)) this.#apart('aside', () => this.outline.aside(writeChildren))
    else this.#apart(name, writeChildren)
  }

  writeInCell(cell: HtmlElement, inParts: boolean): void {
    this.#firstBreak = inParts ? { text: ': ' } : SPACE
    this.#writeInLine(cell)
    this.#firstBreak = SPACE
  }

  writeLabel(elements: readonly HtmlElement[]): void {
    this.#part('')
    const filled = elements.filter((element) => textOf(element) !== '')
    if (filled.length === 0) return
    this.#lineBreak = { text: ', ' }
    for (const [i, element] of filled.entries()) {
      if (i > 0) this.outline.text.insert(this.#lineBreak.text)
      this.#writeInLine(element)
    }
    this.#lineBreak = SPACE
    this.#labelled = true
    this.#gap = textOf(filled.at(-1)!).endsWith(':') ? SPACE : { text: ': ' }
  }

  startOf({ sourceCodeLocation: place }: HtmlElement): number {
    return this.#shift + ((place?.startTag ?? place)?.endOffset ?? 0)
  }

  #writeHeading(level: number, text: string): void {
    if (text === '') return
    this.#part('')
    this.outline.heading(level, text)
    this.firstHeading ??= text
  }

  #writeInLine(element: HtmlElement): void {
    this.#inLine = this.#lineBegins = true
    childrenOf(element).forEach((child) => this.write(child))
    this.#inLine = false
    this.#gap = undefined
  }

  #apart(name: string, write: () => void): void {
    this.#part(name)
    write()
    this.#part(name)
  }

  /** An element of this name begins or ends. */
  #part(name: string): void {
    if (this.#inLine) {
      if (name === 'br') this.#gap = this.#lineBreak
      else if (!this.#lineBegins && this.#firstBreak !== SPACE) this.#gap = this.#firstBreak
      else this.#gap ??= SPACE
    } else if (!this.#labelled || !CONTINUE.has(name)) {
      this.outline.paragraph()
      this.#gap = undefined
      this.#labelled = false
    }
  }

  #writeText({ value, sourceCodeLocation }: HtmlText, preformatted: boolean): void {
    if (!sourceCodeLocation) return
    const { startOffset, endOffset } = sourceCodeLocation
    if (!preformatted || this.#inLine) return this.#writeWords(value, startOffset, endOffset)
    for (const { at, length, start, end } of this.#spansOf(value, startOffset, endOffset)) {
      this.outline.text.append(value.slice(at, at + length), this.#shift + start, this.#shift + end)
    }
  }

  #writeAlternative(image: HtmlElement): void {
    const text = attributeOf(image, 'alt')
    const place = image.sourceCodeLocation?.attrs?.alt
    if (text && place) this.#writeWords(text, place.startOffset, place.endOffset)
  }

  /** Of the spaces between words one is left. */
  #writeWords(value: string, from: number, to: number): void {
    const { outline } = this
    const spans = this.#spansOf(value, from, to)
    for (const { 0: part, index } of value.matchAll(/\s+|\S+/g)) {
      const { start, end } = sourceRange(spans, index, index + part.length)
      if (part.trim() === '') {
        this.#gap ??= part === ' ' ? { text: ' ', place: { start, end } } : SPACE
        continue
      }
      if (this.#gap && !outline.atParagraph && !this.#lineBegins) {
        const { text, place } = this.#gap
        if (place) outline.text.append(text, this.#shift + place.start, this.#shift + place.end)
        else outline.text.insert(text)
        if (this.#gap === this.#firstBreak) this.#firstBreak = SPACE
      }
      this.#gap = undefined
      this.#lineBegins = this.#labelled = false
      outline.text.append(part, this.#shift + start, this.#shift + end)
    }
  }

  /** How source[from, to) became this value. */
  #spansOf(value: string, from: number, to: number): readonly Span[] {
    const builder = new TextBuilder()
    builder.appendDecoded(value, this.#source, from, to)
    return builder.take().spans
  }
}

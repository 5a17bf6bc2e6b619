/**
 * HTML, by parse5, which reads it as browsers do. Scripts, styles and navigation are left out; spaces are single, but in <pre>; an image is its
 * alternative text.
 */
import type { ParsedText } from './document.js'
import {
  attributeOf,
  childrenOf,
  isText,
  textOf,
  type HtmlElement,
  type HtmlNode,
  type HtmlText,
} from './html-nodes.js'
import { addHtmlTable, type CellWriter } from './html-table.js'
import { sourceRange, TextBuilder, type Span } from './mapped-text.js'
import { Outline } from './outline.js'
import { loadParser } from './parser.js'

const LEFT_OUT = new Set('head script style noscript template svg math nav iframe object select button'.split(' '))
/** Elements that stand within a line; all others begin a paragraph. */
const INLINE = new Set(
  'a abbr b bdi bdo cite code data del dfn em font i img ins kbd label mark q s samp small span strike strong sub sup time tt u var wbr'.split(
    ' ',
  ),
)

const loadParse5 = () => loadParser('parse5', 'HTML', () => import('parse5'))

export async function parseHtml(source: string): Promise<ParsedText> {
  const { parse } = await loadParse5()
  const writer = new HtmlWriter(new Outline(), source, 0)
  writer.write(parse(source, { sourceCodeLocationInfo: true }))
  return { title: writer.title || writer.firstHeading, blocks: writer.outline.blocks() }
}

/** Puts what a piece of HTML says into an outline; `shift` is where it begins in the text that the outline leads to. */
export type FragmentReader = (html: string, outline: Outline, shift: number) => void

/** For HTML inside of another text. */
export async function fragmentReader(): Promise<FragmentReader> {
  const { parseFragment } = await loadParse5()
  return (html, outline, shift) => {
    new HtmlWriter(outline, html, shift).write(parseFragment(html, { sourceCodeLocationInfo: true }))
  }
}

class HtmlWriter implements CellWriter {
  readonly outline: Outline
  readonly #source: string
  readonly #shift: number
  title: string | undefined
  firstHeading: string | undefined
  /** In a cell of a table, which is a part of a line: nothing begins a paragraph. */
  #inCell = false
  #cellBegins = false
  /** A space that is written when a word follows: where it stands, or null where none stands. */
  #space: { readonly start: number; readonly end: number } | null | undefined

  constructor(outline: Outline, source: string, shift: number) {
    this.outline = outline
    this.#source = source
    this.#shift = shift
  }

  write(node: HtmlNode, preformatted = false): void {
    if (isText(node)) return this.#writeText(node, preformatted)
    const name = node.nodeName
    if (name === 'title') {
      this.title ??= textOf(node)
      return
    }
    if (name === 'head') childrenOf(node).forEach((child) => child.nodeName === 'title' && this.write(child))
    if (LEFT_OUT.has(name)) return
    if (name === 'img') return this.#writeAlternative(node as HtmlElement)
    const level = this.#inCell ? undefined : /^h([1-6])$/.exec(name)?.[1]
    if (level) {
      const text = textOf(node)
      if (text === '') return
      this.outline.heading(Number(level), text)
      this.firstHeading ??= text
      return
    }
    if (name === 'table' && !this.#inCell) return addHtmlTable(node as HtmlElement, this)
    if (!INLINE.has(name)) this.#part()
    childrenOf(node).forEach((child) => this.write(child, preformatted || name === 'pre'))
    if (!INLINE.has(name)) this.#part()
  }

  writeInCell(cell: HtmlElement): void {
    this.#inCell = this.#cellBegins = true
    childrenOf(cell).forEach((child) => this.write(child))
    this.#inCell = false
    this.#space = undefined
  }

  startOf({ sourceCodeLocation: place }: HtmlElement): number {
    return this.#shift + ((place?.startTag ?? place)?.endOffset ?? 0)
  }

  #part(): void {
    if (this.#inCell) this.#space ??= null
    else {
      this.outline.paragraph()
      this.#space = undefined
    }
  }

  #writeText({ value, sourceCodeLocation }: HtmlText, preformatted: boolean): void {
    if (!sourceCodeLocation) return
    const { startOffset, endOffset } = sourceCodeLocation
    if (!preformatted || this.#inCell) return this.#writeWords(value, startOffset, endOffset)
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
        this.#space ??= part === ' ' ? { start, end } : null
        continue
      }
      if (this.#space !== undefined && !outline.atParagraph && !this.#cellBegins) {
        if (this.#space) outline.text.append(' ', this.#shift + this.#space.start, this.#shift + this.#space.end)
        else outline.text.insert(' ')
      }
      this.#space = undefined
      this.#cellBegins = false
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

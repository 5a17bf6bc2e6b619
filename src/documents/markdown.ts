/**
 * Markdown with GitHub's tables and footnotes, by mdast-util-from-markdown. What stands between the marks is text: of a link its words, of an image
 * the alternative text, of HTML what a page would show. Front matter gives title and metadata.
 */
import type { Node, Parent, Table } from 'mdast'
import type { ParsedText } from './document.js'
import { frontMatterOf } from './front-matter.js'
import { fragmentReader, type FragmentReader } from './html.js'
import { indexNear } from './mapped-text.js'
import { LONGEST_HEADING, Outline } from './outline.js'
import { loadParser } from './parser.js'
import { metadataOf } from './records.js'
import { addRow } from './table-rows.js'

/** Nodes that begin a paragraph. */
const PARAGRAPHS = new Set(['paragraph', 'code', 'heading'])
/** Nodes in which HTML is but the marks of a line. */
const LINES = new Set(['paragraph', 'heading', 'table'])

export async function parseMarkdown(source: string, where: string): Promise<ParsedText> {
  const { fields, length: shift } = await frontMatterOf(source, where)
  const tree = await treeOf(source.slice(shift))
  const writer = new MarkdownWriter(source, shift, hasHtml(tree) ? await fragmentReader() : undefined)
  writer.write(tree)
  const named = fields.get('title')
  const title = typeof named === 'string' || typeof named === 'number' ? String(named) : writer.firstHeading
  return { title, blocks: writer.outline.blocks(), metadata: metadataOf(fields) }
}

async function treeOf(text: string): Promise<Parent> {
  const { fromMarkdown } = await loadParser(
    'mdast-util-from-markdown',
    'Markdown',
    () => import('mdast-util-from-markdown'),
  )
  const { gfm } = await loadParser('micromark-extension-gfm', 'Markdown', () => import('micromark-extension-gfm'))
  const { gfmFromMarkdown } = await loadParser('mdast-util-gfm', 'Markdown', () => import('mdast-util-gfm'))
  // its transforms look for addresses in the text once more, and what they make has no place in the source
  const mdastExtensions = gfmFromMarkdown().map((extension) => ({ ...extension, transforms: [] }))
  return fromMarkdown(text, { extensions: [gfm()], mdastExtensions })
}

class MarkdownWriter {
  readonly outline: Outline
  readonly #source: string
  /** Where the text that was parsed begins in the source. */
  readonly #shift: number
  readonly #readHtml: FragmentReader | undefined
  firstHeading: string | undefined

  constructor(source: string, shift: number, readHtml: FragmentReader | undefined) {
    this.outline = new Outline(source)
    this.#source = source
    this.#shift = shift
    this.#readHtml = readHtml
  }

  write(node: Node, inLine = false): void {
    const { outline } = this
    const heading = node.type === 'heading' ? plainText(node) : undefined
    if (heading !== undefined && heading.length <= LONGEST_HEADING) {
      outline.heading((node as Node & { depth: number }).depth, heading)
      this.firstHeading ??= heading
      return
    }
    if (node.type === 'table') return this.#writeTable(node as Table)
    if (node.type === 'html' && !inLine) return this.#writeHtml(node)
    if (PARAGRAPHS.has(node.type)) outline.paragraph()
    const text = ownText(node)
    if (text !== '') outline.text.appendDecoded(text, this.#source, this.#startOf(node), this.#endOf(node))
    if (node.type === 'break' || /^<br\b/i.test(htmlOf(node) ?? '')) outline.text.insert('\n')
    childrenOf(node).forEach((child) => this.write(child, inLine || PARAGRAPHS.has(node.type)))
  }

  #writeTable({ children: [head, ...rows] }: Table): void {
    const headers = head.children.map(plainText)
    for (const { children: cells } of rows.length > 0 ? rows : [head]) {
      const line = cells.map((cell, column) => ({
        label: rows.length > 0 ? (headers[column] ?? '') : '',
        start: this.#startOf(cell.children[0] ?? cell),
        isEmpty: plainText(cell) === '',
        add: () => cell.children.forEach((child) => this.write(child, true)),
      }))
      addRow(this.outline, line)
    }
  }

  #writeHtml(node: Node): void {
    if (!this.#readHtml || isComment(node)) return
    this.outline.paragraph()
    const raw = this.#source.slice(this.#startOf(node), this.#endOf(node))
    this.#readHtml(withoutMargin(htmlOf(node)!, raw), this.outline, this.#startOf(node))
    this.outline.paragraph()
  }

  #startOf(node: Node): number {
    return this.#shift + node.position!.start.offset!
  }

  #endOf(node: Node): number {
    return this.#shift + node.position!.end.offset!
  }
}

/**
 * HTML as it stands in the source, with spaces for what belongs to a quotation or a list around it, so that every character keeps its place.
 * @param html the same without that
 */
function withoutMargin(html: string, raw: string): string {
  let [kept, at] = ['', 0]
  for (const line of html.split(/(?<=\n)/)) {
    const found = Math.max(at, indexNear(raw, line, at))
    kept += ' '.repeat(found - at) + raw.slice(found, found + line.length)
    at = found + line.length
  }
  return kept
}

/** Whether HTML stands in it that a page would show, outside of lines. */
function hasHtml(node: Node): boolean {
  if (LINES.has(node.type)) return false
  return (node.type === 'html' && !isComment(node)) || childrenOf(node).some(hasHtml)
}

function isComment(node: Node): boolean {
  const html = htmlOf(node)!.trim()
  return html.startsWith('<!--') && html.indexOf('-->') === html.length - 3
}

function htmlOf(node: Node): string | undefined {
  return node.type === 'html' ? (node as Node & { value: string }).value : undefined
}

/** The text of a node itself. */
function ownText(node: Node): string {
  if (node.type === 'html') return ''
  if ('alt' in node) return (node.alt as string | null) ?? ''
  return 'value' in node ? (node.value as string) : ''
}

function childrenOf(node: Node): readonly Node[] {
  return 'children' in node ? (node as Parent).children : []
}

function plainText(node: Node): string {
  const texts = (inner: Node): string => ownText(inner) + childrenOf(inner).map(texts).join('')
  return texts(node).replace(/\s+/g, ' ').trim()
}

/**
 * HTML, by parse5, which reads it as browsers do. Scripts, styles and navigation are left out; spaces are single, but in <pre>.
 */
import type { DefaultTreeAdapterTypes } from 'parse5'
import type { ParsedText } from './formats.js'
import { sourceRange, TextBuilder } from './mapped-text.js'
import { Outline } from './outline.js'
import { loadParser } from './parser.js'

type Node = DefaultTreeAdapterTypes.Node
type TextNode = DefaultTreeAdapterTypes.TextNode

const LEFT_OUT = new Set('head script style noscript template svg math nav iframe object select button'.split(' '))
/** Elements that stand within a line; all others begin a paragraph. */
const INLINE = new Set(
  'a abbr b bdi bdo cite code data del dfn em font i img ins kbd label mark q s samp small span strike strong sub sup time tt u var wbr'.split(
    ' ',
  ),
)
const CELLS = new Set(['td', 'th'])

export async function parseHtml(source: string): Promise<ParsedText> {
  const { parse } = await loadParser('parse5', 'HTML', () => import('parse5'))
  const outline = new Outline()
  let title: string | undefined
  let firstHeading: string | undefined

  const visit = (node: Node, preformatted: boolean): void => {
    if (isText(node)) return addText(outline, node, source, preformatted)
    const name = node.nodeName
    if (name === 'title' && title === undefined) title = singleSpaced(textOf(node))
    if (name === 'head') childrenOf(node).forEach((child) => child.nodeName === 'title' && visit(child, false))
    if (LEFT_OUT.has(name) || name === 'title') return
    const level = /^h([1-6])$/.exec(name)?.[1]
    if (level) {
      const text = singleSpaced(textOf(node))
      if (text === '') return
      outline.heading(Number(level), text)
      firstHeading ??= text
      return
    }
    if (CELLS.has(name) && !outline.atParagraph) outline.text.insert(' | ')
    else if (!INLINE.has(name) && !CELLS.has(name)) outline.paragraph()
    childrenOf(node).forEach((child) => visit(child, preformatted || name === 'pre'))
    if (!INLINE.has(name) && !CELLS.has(name)) outline.paragraph()
  }
  visit(parse(source, { sourceCodeLocationInfo: true }), false)
  return { title: title || firstHeading, blocks: outline.blocks() }
}

/** Puts a text into the paragraph; of the spaces between words one is left, where it is not preformatted. */
function addText(
  outline: Outline,
  { value, sourceCodeLocation }: TextNode,
  source: string,
  preformatted: boolean,
): void {
  if (!sourceCodeLocation) return
  const { startOffset, endOffset } = sourceCodeLocation
  if (preformatted) return outline.text.appendDecoded(value, source, startOffset, endOffset)
  const builder = new TextBuilder()
  builder.appendDecoded(value, source, startOffset, endOffset)
  const { spans } = builder.take()
  for (const { 0: part, index } of value.matchAll(/\s+|\S+/g)) {
    const { start, end } = sourceRange(spans, index, index + part.length)
    if (part.trim() !== '') outline.text.append(part, start, end)
    else if (!outline.atParagraph && part === ' ') outline.text.append(part, start, end)
    else if (!outline.atParagraph) outline.text.insert(' ')
  }
}

function isText(node: Node): node is TextNode {
  return node.nodeName === '#text'
}

function childrenOf(node: Node): readonly Node[] {
  return 'childNodes' in node ? node.childNodes : []
}

function textOf(node: Node): string {
  return isText(node) ? node.value : childrenOf(node).map(textOf).join('')
}

function singleSpaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

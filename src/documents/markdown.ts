/**
 * Markdown, by mdast-util-from-markdown. What stands between the marks is text; code is text too, HTML is left out, and so is front
 * matter, but for its title.
 */
import type { Node, Parent } from 'mdast'
import type { ParsedText } from './formats.js'
import { Outline } from './outline.js'
import { loadParser } from './parser.js'

const FRONT_MATTER = /^---[ \t]*\r?\n([\s\S]*?\r?\n)?---[ \t]*(\r?\n|$)/
/** Nodes that begin a paragraph. */
const PARAGRAPHS = new Set(['paragraph', 'code'])

export async function parseMarkdown(source: string): Promise<ParsedText> {
  const { fromMarkdown } = await loadParser(
    'mdast-util-from-markdown',
    'Markdown',
    () => import('mdast-util-from-markdown'),
  )
  const frontMatter = FRONT_MATTER.exec(source)?.[0] ?? ''
  const shift = frontMatter.length
  const outline = new Outline()
  let firstHeading: string | undefined

  const visit = (node: Node): void => {
    if (node.type === 'heading') {
      const text = plainText(node).replace(/\s+/g, ' ').trim()
      outline.heading((node as Node & { depth: number }).depth, text)
      firstHeading ??= text
      return
    }
    if (PARAGRAPHS.has(node.type)) outline.paragraph()
    const value = valueOf(node)
    const [start, end] = [node.position?.start.offset, node.position?.end.offset]
    if (value !== undefined && start !== undefined && end !== undefined) {
      outline.text.appendDecoded(value, source, shift + start, shift + end)
    }
    if (node.type === 'break') outline.text.insert('\n')
    childrenOf(node).forEach(visit)
  }
  visit(fromMarkdown(source.slice(shift)))
  return { title: frontMatterTitle(frontMatter) ?? firstHeading, blocks: outline.blocks() }
}

/** The text of a node itself. */
function valueOf(node: Node): string | undefined {
  if (node.type === 'html') return undefined
  return 'value' in node ? (node as Node & { value: string }).value : undefined
}

function childrenOf(node: Node): readonly Node[] {
  return 'children' in node ? (node as Parent).children : []
}

function plainText(node: Node): string {
  return (valueOf(node) ?? '') + childrenOf(node).map(plainText).join('')
}

function frontMatterTitle(frontMatter: string): string | undefined {
  const title = /^title:[ \t]*(.+?)[ \t]*\r?$/m.exec(frontMatter)?.[1]
  return title?.replace(/^(["'])(.*)\1$/, '$2')
}

/**
 * Looking at the tree that parse5 makes.
 */
import type { DefaultTreeAdapterTypes } from 'parse5'

export type HtmlNode = DefaultTreeAdapterTypes.Node
export type HtmlElement = DefaultTreeAdapterTypes.Element
export type HtmlText = DefaultTreeAdapterTypes.TextNode

export function isText(node: HtmlNode): node is HtmlText {
  return node.nodeName === '#text'
}

export function isElement(node: HtmlNode): node is HtmlElement {
  return 'tagName' in node
}

export function childrenOf(node: HtmlNode): readonly HtmlNode[] {
  return 'childNodes' in node ? node.childNodes : []
}

export function attributeOf({ attrs }: HtmlElement, name: string): string | undefined {
  return attrs.find((attribute) => attribute.name === name)?.value
}

/** All text in it, with single spaces. */
export function textOf(node: HtmlNode): string {
  return linesOf(node).join(' ')
}

/** All text in it, with single spaces, parted where a line is broken. */
export function linesOf(node: HtmlNode): readonly string[] {
  const texts = (inner: HtmlNode): string => {
    if (isText(inner)) return inner.value.replace(/\s+/g, ' ')
    if (isPermalink(inner)) return ''
    return inner.nodeName === 'br' ? '\n' : childrenOf(inner).map(texts).join('')
  }
  const lines = texts(node).split('\n')
  return lines.map((line) => line.replace(/ +/g, ' ').trim()).filter((line) => line !== '')
}

/** Whether some nodes have more text than so many characters. It looks at no more than that: a list in a list in a list asks it at each level. */
export function isLonger(nodes: readonly HtmlNode[], length: number): boolean {
  let seen = 0
  const look = (node: HtmlNode): boolean => {
    if (isText(node))
      seen += node.value
        .trim()
        .slice(0, length + 1)
        .replace(/\s+/g, ' ').length
    else if (!isPermalink(node)) return childrenOf(node).some(look)
    return seen > length
  }
  return nodes.some(look)
}

/** The mark behind a heading that leads to the heading itself. */
export function isPermalink(node: HtmlNode): boolean {
  if (node.nodeName !== 'a' || !attributeOf(node as HtmlElement, 'href')?.startsWith('#')) return false
  const [only, ...others] = childrenOf(node)
  return others.length === 0 && only !== undefined && isText(only) && PERMALINK.test(only.value.trim())
}

const PERMALINK = /^[¶#§🔗]$/u

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
  const texts = (inner: HtmlNode): string => (isText(inner) ? inner.value : childrenOf(inner).map(texts).join(''))
  return texts(node).replace(/\s+/g, ' ').trim()
}

/**
 * What of a page is about the page and not about its subject: navigation, search, tables of contents, marks behind headings.
 */
import {
  attributeOf,
  childrenOf,
  isElement,
  isPermalink,
  textOf,
  type HtmlElement,
  type HtmlNode,
} from './html-nodes.js'

const LEFT_OUT = new Set('head script style noscript template svg math nav iframe object select button'.split(' '))
/** What `nav` and `search` are called where they are other elements. */
const LEFT_OUT_ROLES = new Set(['navigation', 'search'])
/** What DocBook calls the lines above and below a page, and its lists of sections. */
const LEFT_OUT_CLASSES = new Set(['navheader', 'navfooter', 'toc'])

export function isLeftOut(node: HtmlNode): boolean {
  if (!isElement(node)) return false
  if (LEFT_OUT.has(node.nodeName) || isPermalink(node)) return true
  if (node.nodeName === 'html' || node.nodeName === 'body') return false // there would be nothing left
  return (
    LEFT_OUT_ROLES.has(attributeOf(node, 'role') ?? '') || classesOf(node).some((name) => LEFT_OUT_CLASSES.has(name))
  )
}

/** What the page itself says is its content; what is around it is the same on each page of a site. */
export function contentOf(page: HtmlNode): HtmlNode {
  const found: HtmlElement[] = []
  const look = (node: HtmlNode): void => {
    if (isElement(node) && isMain(node)) found.push(node)
    else childrenOf(node).forEach(look)
  }
  look(page)
  return found.length === 1 && textOf(found[0]) !== '' ? found[0] : page
}

function isMain(element: HtmlElement): boolean {
  return element.nodeName === 'main' || attributeOf(element, 'role') === 'main'
}

/** A remark beside the text, whose heading does not hold for what comes behind it. */
export function isAside(node: HtmlNode): boolean {
  return node.nodeName === 'aside' || isAdmonition(node)
}

const ADMONITIONS = new Set('admonition caution important note tip warning'.split(' '))

function isAdmonition(node: HtmlNode): boolean {
  return node.nodeName === 'div' && classesOf(node as HtmlElement).some((name) => ADMONITIONS.has(name))
}

/** "Note", "Warning" and the like, above a remark: a heading in DocBook, a paragraph in Sphinx. */
export function isRemarkTitle(node: HtmlNode): boolean {
  if (!isElement(node)) return false
  const { parentNode } = node
  return (
    classesOf(node).includes('admonition-title') ||
    (/^h[1-6]$/.test(node.nodeName) && parentNode !== null && isAdmonition(parentNode))
  )
}

function classesOf(element: HtmlElement): readonly string[] {
  return attributeOf(element, 'class')?.split(/\s+/) ?? []
}

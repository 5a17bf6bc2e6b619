/**
 * Lists of definitions, as manuals have them of options and functions: the term stands in the sentence with which its description begins, `--clean:
 * Drops all`, and above all of a long description as its heading.
 */
import { childrenOf, isElement, isLonger, linesOf, textOf, type HtmlElement, type HtmlNode } from './html-nodes.js'
import { LONGEST_HEADING, type Outline } from './outline.js'

/** Writes parts of a list into its outline. */
export interface DefinitionWriter {
  readonly outline: Outline
  write(node: HtmlNode): void
  /** Writes terms as a line that goes on with what comes next. */
  writeLabel(terms: readonly HtmlElement[]): void
}

/** Terms with their descriptions; what has neither is a group of its own. */
interface Group {
  readonly terms: HtmlElement[]
  readonly descriptions: HtmlNode[]
}

/** Characters from which on a description has passages of its own; a shorter one shares one with its neighbours. */
const LONG = 300
/** Characters from which on the arguments of a function are left out of a heading. */
const LONG_ARGUMENTS = 12

export function addDefinitions(list: HtmlElement, writer: DefinitionWriter): void {
  for (const { terms, descriptions } of groupsOf(list)) {
    const add = () => {
      writer.writeLabel(terms)
      descriptions.forEach((node) => writer.write(node))
    }
    const heading = headingOf(terms)
    const isHeading = heading !== '' && heading.length <= LONGEST_HEADING
    if (isHeading && isLonger(descriptions, LONG)) writer.outline.under(heading, add)
    else add()
  }
}

function groupsOf(list: HtmlNode): Group[] {
  const groups: Group[] = []
  const add = (node: HtmlNode): void => {
    if (node.nodeName === 'div') return childrenOf(node).forEach(add) // parts of a list may be held together so
    const last = groups.at(-1)
    if (isElement(node) && node.nodeName === 'dt') {
      if (last?.descriptions.length === 0) last.terms.push(node)
      else groups.push({ terms: [node], descriptions: [] })
    } else if (last) last.descriptions.push(node)
    else groups.push({ terms: [], descriptions: [node] })
  }
  childrenOf(list)
    .filter((node) => isElement(node) || textOf(node) !== '')
    .forEach(add)
  return groups
}

/** What is called as a label is, `Parameters:`, belongs to what the list is in. */
function headingOf(terms: readonly HtmlElement[]): string {
  const lines = terms.flatMap(linesOf)
  return lines.some((line) => line.endsWith(':')) ? '' : lines.map(withoutArguments).join(', ')
}

/** `f(one, two=None)` as `f()`. */
function withoutArguments(line: string): string {
  const open = line.search(/(?<=\w)\(/)
  const close = line.lastIndexOf(')')
  return open >= 0 && close - open > LONG_ARGUMENTS ? `${line.slice(0, open + 1)}${line.slice(close)}` : line
}

/**
 * Reads documents as `indexDocuments` does: parsed in a thread within limits, then parted into passages.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ParserApart } from '../../../src/documents/apart.js'
import type { DocumentFormat } from '../../../src/documents/formats.js'
import { openDocuments } from '../../../src/documents/open-documents.js'
import { splitDocument, type TokenCounter } from '../../../src/documents/split.js'
import { bytesSource } from '../../../src/files/byte-source.js'
import { pdfOf } from '../../documents/pdf.js'
import { toBytes } from '../mutate/mutate.js'
import type { Reading } from '../target.js'

/** As users have them, but for the size: an input is small, so what takes more is given up sooner. */
const LIMITS = { parseSeconds: 3, parseMegabytes: 256 }

/** Words, which is what an encoder's tokens are about. */
const COUNTER: TokenCounter = { maxLength: 128, countTokens: (text) => 2 + (text.match(/[^\s]{1,6}/g)?.length ?? 0) }

export const openFormat = (format: DocumentFormat) => async (): Promise<Reading> => {
  const parser = new ParserApart(LIMITS)
  return {
    async read(input) {
      for await (const entry of openDocuments(bytesSource(input, 'a'), 'a', format, parser.parse)) {
        await splitDocument(await entry.load(), COUNTER)
      }
    },
    close: () => parser.close(),
  }
}

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../documents/files/${name}`, import.meta.url))))

export const DOCUMENT_SEEDS = {
  html: () => [
    file('pandoc.html'),
    file('latin1.html'),
    toBytes('<!doctype html><title>T</title><h1>A</h1><p>B &amp; <b>c</b></p><table><tr><th colspan="2">x<th>y<tr><td rowspan=2>1<td>2<td>3</table><dl><dt>a<dd>b</dl><pre>x\n y</pre><ul><li>a<ul><li>b</ul></ul>'),
  ],
  markdown: () => [
    file('pandoc.md'),
    toBytes('---\ntitle: T\ntags: [a, b]\nx: {y: 1}\n---\n# A\n\n> *b* `c`\n\n| a | b |\n|--|:-:|\n| 1 | 2 |\n\n1. x\n   - y\n\n```js\nz\n```\n[l](http://x "t")[^1]\n\n[^1]: n\n'),
  ],
  frontMatter: () => [
    toBytes('---\ntitle: "T"\ndate: 2020-01-01\nanchors: &a [1, 2]\nb: *a\nc: |\n  text\n  more\nd: {e: [f, {g: h}]}\n? k\n: v\n---\nText.\n'),
    toBytes('---\ntitle: T\ntags:\n  - a\n  - b\n---\n# A\n\nB.\n'),
  ],
  pdf: () => [pdfOf([['Arlen is a country.', 'Its capital is Brask.'], ['Tea']], 'T'), file('columns.pdf')],
  csv: () => [toBytes('id,title,text,kind\n1,A,"B, ""c""\nd",x\n2,E,F,\n'), file('utf16.csv')],
  tsv: () => [toBytes('title\ttext\tkind\nA\tB\tx\nC\tD\ty\n')],
  json: () => [toBytes('[{"id": "a", "title": "T", "text": "B", "n": 1, "tags": ["x", "y"]}, {"text": "C", "o": {"p": null}}]')],
  jsonl: () => [toBytes('{"id": "a", "text": "B", "n": 1}\n{"text": "C", "tags": ["x"]}\r\n\n{"text": "D"}')],
  text: () => [toBytes('Tea is a drink. It is made of leaves.\n\n\tA second part; e.g. 3.5 m.\r\nMr. X?! “Yes.”\n'), toBytes('\ufeffÉ. 日本。')],
} // prettier-ignore

/**
 * Mutations of PDFs: the objects as text, and streams of drawing commands that are deflated again afterwards.
 */
import { deflateSync } from 'node:zlib'
import { mutateBytes } from './bytes.js'
import { join, toBytes, type Mutate } from './mutate.js'
import { textMutator } from './text.js'

const mutateObjects = textMutator(['<<', '>>', '[', ']', '1 0 R', '2 0 R', '4 0 R', '/Kids [4 0 R 4 0 R]', '/Type /Page', '/Parent 4 0 R', '/Length 999999', '/Filter /FlateDecode', '/Filter [/FlateDecode /FlateDecode]', 'stream\n', '\nendstream', 'endobj', '9 0 obj', 'xref', 'trailer', 'startxref\n0', '/Prev 9', '/Encrypt 3 0 R', '/Size 4294967295', '(', ')', '\\377']) // prettier-ignore
const mutateDrawing = textMutator(['BT', 'ET', '(a) Tj', '[(a) -1e9 (b)] TJ', '/F1 1e9 Tf', '0 0 Td', 'q', 'Q', '/X Do', '1e99 0 0 1 0 0 cm', '<FEFF>', "'", 'T*', 'BI ID EI', '0 Tr']) // prettier-ignore
const STREAM = /stream\r?\n([\s\S]*?)\nendstream/

export const mutatePdf: Mutate = (file, random, others) => {
  if (random.below(4) === 0) return mutateBytes(file, random, others)
  const text = Buffer.from(file).toString('latin1')
  const found = STREAM.exec(text)
  if (!found || random.below(2) === 0) return mutateObjects(file, random, others)
  const [whole, drawing] = found
  const made = mutateDrawing(toBytes(drawing), random, [toBytes(drawing)])
  const before = text.slice(0, found.index)
  const deflated = random.below(2) === 0
  const content = deflated ? new Uint8Array(deflateSync(made)) : made
  const length = `/Length ${content.length}${deflated ? ' /Filter /FlateDecode' : ''}`
  return join(
    new Uint8Array(Buffer.from(before.replace(/\/Length \d+(?![\s\S]*\/Length)/, length), 'latin1')),
    toBytes('stream\n'),
    content,
    new Uint8Array(Buffer.from(`\nendstream${text.slice(found.index + whole.length)}`, 'latin1')),
  )
}

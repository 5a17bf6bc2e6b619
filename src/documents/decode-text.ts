/**
 * Bytes to text: in the encoding that a byte-order mark names, or an HTML page declares, and else in UTF-8. Nothing is guessed, and bytes that are
 * not of their encoding are refused.
 */
import { DocumentError } from './document.js'

/** Where an HTML page has to declare its encoding, as browsers have it. */
const DECLARED_WITHIN = 1024
const DECLARATION = /<meta\b[^>]*\bcharset\s*=\s*["']?\s*([\w.:-]+)|^\s*<\?xml\b[^>]*\bencoding\s*=\s*["']([\w.:-]+)/i

/** The text without its byte-order mark. @throws DocumentError */
export function decodeText(bytes: Uint8Array, file: string, { html = false } = {}): string {
  const label = markedEncoding(bytes) ?? (html ? declaredEncoding(bytes) : undefined) ?? 'utf-8'
  const decoder = decoderOf(label, file)
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (error) {
    if (label !== 'utf-8')
      throw new DocumentError('bad-encoding', `${file}: not valid ${label} text, as it declares`, { cause: error })
    const other = html ? ', or declare its encoding in a <meta charset>' : ''
    throw new DocumentError('not-utf8', `${file}: not valid UTF-8 text; save it as UTF-8${other}`, { cause: error })
  }
  if (text.includes('\0')) throw new DocumentError('binary', `${file}: contains zero bytes, so it is not a text`)
  return text
}

function markedEncoding([first, second]: Uint8Array): string | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined
}

/** A page whose declaration can be read as ASCII is not in UTF-16, whatever it says: as the standard has it, it is UTF-8 then. */
function declaredEncoding(bytes: Uint8Array): string | undefined {
  const beginning = new TextDecoder('latin1').decode(bytes.subarray(0, DECLARED_WITHIN))
  const [, meta, xml] = DECLARATION.exec(beginning) ?? []
  const label = (meta ?? xml)?.toLowerCase()
  return label?.startsWith('utf-16') ? undefined : label
}

function decoderOf(label: string, file: string): TextDecoder {
  try {
    return new TextDecoder(label, { fatal: true })
  } catch (error) {
    throw new DocumentError('unknown-encoding', `${file}: declares the encoding ${label}, which is not known`, {
      cause: error,
    })
  }
}

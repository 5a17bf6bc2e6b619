/**
 * Files that were made to do harm: each is small, and takes a parser minutes or hundreds of megabytes.
 */
import { deflateSync } from 'node:zlib'

/** Each "<" is a character of the text, and a token: one sentence without a space. */
export const openTags = (bytes: number): string => '<'.repeat(bytes)

/** A table of one row, whose only cell is one sentence of so many bytes. */
export const longRow = (bytes: number): string => `text\n${'word '.repeat(bytes / 5)}\n`

/** A list in a list in a list, so many levels deep. */
export const nestedJson = (depth: number): string => `[{"text": ${'['.repeat(depth)}${']'.repeat(depth)}}]`

/** A page that comes to so many bytes when it is inflated, and takes a thousandth of that in the file: spaces take memory, letters take time. */
export function inflatingPdf(bytes: number, of: 'spaces' | 'letters'): Uint8Array {
  const repeated = of === 'spaces' ? ' ' : '(a) Tj '
  const content = deflateSync(`BT /F1 12 Tf 72 720 Td (Arlen) Tj ${repeated.repeat(bytes / repeated.length)} ET`)
  const parts = [
    '%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [4 0 R] /Count 1 >>\nendobj\n',
    '3 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj\n',
    '4 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 3 0 R >> >> >>\nendobj\n',
    `5 0 obj\n<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n`,
    content,
    '\nendstream\nendobj\ntrailer\n<< /Size 6 /Root 1 0 R >>\n%%EOF\n', // without a table of places: a parser looks for the objects then
  ]
  return new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part))))
}

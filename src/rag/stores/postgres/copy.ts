/**
 * Rows in PostgreSQL's binary COPY format, the fastest way in: every number of a vector goes as its four bytes and nothing is parsed.
 * https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format". All integers are big-endian.
 */

/** What a column is, for the encoder. */
export type CopyField =
  | { readonly type: 'bigint'; readonly value: bigint }
  | { readonly type: 'integer'; readonly value: number }
  /** text, and json, whose binary form is its text. */
  | { readonly type: 'text'; readonly value: string | undefined }
  /** pgvector's vector: int16 dimension, int16 unused, then float4 each. */
  | { readonly type: 'vector'; readonly value: Float32Array }

const SIGNATURE = 'PGCOPY\n\xff\r\n\0'

/** What stands before the first row: the signature, no flags, no extension. */
export function copyHeader(): Buffer {
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), Buffer.alloc(8)])
}

/** What stands after the last row. */
export function copyTrailer(): Buffer {
  return int16(-1)
}

/** A row: the number of fields, then each with its length in bytes; -1 for NULL. */
export function copyRow(fields: readonly CopyField[]): Buffer {
  const parts = fields.flatMap((field) => {
    const bytes = encode(field)
    return bytes ? [int32(bytes.length), bytes] : [int32(-1)]
  })
  return Buffer.concat([int16(fields.length), ...parts])
}

function encode({ type, value }: CopyField): Buffer | undefined {
  if (value === undefined) return undefined
  switch (type) {
    case 'bigint': {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(value)
      return bytes
    }
    case 'integer':
      return int32(value)
    case 'text':
      return Buffer.from(value)
    case 'vector': {
      const bytes = Buffer.alloc(4 + 4 * value.length)
      bytes.writeInt16BE(value.length)
      value.forEach((number, i) => bytes.writeFloatBE(number, 4 + 4 * i))
      return bytes
    }
    default:
      return type satisfies never
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

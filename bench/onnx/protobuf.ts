/**
 * Just enough of Protocol Buffers to write an ONNX file: varints, floats and length-prefixed fields. A message is the list of
 * its fields' bytes. https://protobuf.dev/programming-guides/encoding/
 */
export type Field = Uint8Array

const VARINT = 0
const BYTES = 2
const FLOAT = 5

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value)) // a negative int64 takes ten bytes
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 128)
  } while (rest !== 0n)
  return bytes
}

export function integer(field: number, value: number): Field {
  return Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)])
}

export function float(field: number, value: number): Field {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setFloat32(0, value, true)
  return Uint8Array.from([...varint(field * 8 + FLOAT), ...bytes])
}

export function bytes(field: number, content: Uint8Array): Field {
  const head = [...varint(field * 8 + BYTES), ...varint(content.length)]
  const whole = new Uint8Array(head.length + content.length)
  whole.set(head)
  whole.set(content, head.length)
  return whole
}

export function text(field: number, content: string): Field {
  return bytes(field, new TextEncoder().encode(content))
}

export function message(field: number, fields: readonly Field[]): Field {
  return bytes(field, concat(fields))
}

export function concat(fields: readonly Field[]): Uint8Array {
  const whole = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const field of fields) {
    whole.set(field, at)
    at += field.length
  }
  return whole
}

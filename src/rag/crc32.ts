/**
 * CRC-32 of bytes (ISO 3309, the one of zip and PNG): finds damage, not malice.
 */

let table: Uint32Array | undefined

function crcTable(): Uint32Array {
  return (table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    return crc
  }))
}

/** The checksum of `bytes`; pass the result of an earlier part as `previous` to go on from it. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const steps = crcTable()
  let crc = ~previous
  for (const byte of bytes) crc = (crc >>> 8) ^ steps[(crc ^ byte) & 0xff]
  return ~crc >>> 0
}

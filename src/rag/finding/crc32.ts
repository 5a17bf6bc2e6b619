/**
 * CRC-32 of bytes (ISO 3309, the one of zip and PNG): finds damage, not malice.
 */

let tables: readonly Int32Array[] | undefined

/** What a byte does to the checksum when 0, 1, 2 or 3 bytes follow it ("slicing by 4": Kounavis and Berry, 2005). */
function crcTables(): readonly Int32Array[] {
  if (tables) return tables
  const last = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    return crc
  })
  const before = (table: Int32Array) => table.map((crc) => (crc >>> 8) ^ last[crc & 0xff])
  const [second, third] = [before(last), before(before(last))]
  return (tables = [last, second, third, before(third)])
}

/** The checksum of `bytes`; pass the result of an earlier part as `previous` to go on from it. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const [last, second, third, fourth] = crcTables()
  const { length } = bytes
  let crc = ~previous
  let i = 0
  for (; i + 4 <= length; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    crc = fourth[crc & 0xff] ^ third[(crc >>> 8) & 0xff] ^ second[(crc >>> 16) & 0xff] ^ last[crc >>> 24]
  }
  for (; i < length; i++) crc = (crc >>> 8) ^ last[(crc ^ bytes[i]) & 0xff]
  return ~crc >>> 0
}

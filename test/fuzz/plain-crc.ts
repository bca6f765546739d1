/** Checksums by their definitions: reflected polynomials, one table each. */
export const plainCrc32 = crcOf(0xedb88320)
export const plainCrc32c = crcOf(0x82f63b78)

function crcOf(polynomial: number): (bytes: Uint8Array) => number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1
    return rest
  })
  return (bytes) => {
    let crc = 0xffffffff
    for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!
    return ~crc >>> 0
  }
}

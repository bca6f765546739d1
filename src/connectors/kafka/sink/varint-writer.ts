/** Bytes of a zigzag varint, for 32-bit numbers. */
export function sizeOfVarint(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  if (raw < 0x80) return 1
  if (raw < 0x4000) return 2
  if (raw < 0x200000) return 3
  return raw < 0x10000000 ? 4 : 5
}

/** Writes a zigzag varint of a 32-bit number; returns where it ends. */
export function writeVarint(to: Uint8Array, at: number, value: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  let end = at
  while (raw > 0x7f) {
    to[end++] = (raw & 0x7f) | 0x80
    raw >>>= 7
  }
  to[end++] = raw
  return end
}

/** Bytes of a zigzag varint, for any safe integer. */
export function sizeOfVarlong(value: number): number {
  let size = 1
  for (let raw = zigzag(value); raw >= 0x80; raw = Math.floor(raw / 0x80)) size++
  return size
}

/** Writes a zigzag varint of any safe integer; returns where it ends. */
export function writeVarlong(to: Uint8Array, at: number, value: number): number {
  let end = at
  let raw = zigzag(value)
  for (; raw >= 0x80; raw = Math.floor(raw / 0x80)) to[end++] = (raw % 0x80) | 0x80
  to[end++] = raw
  return end
}

/** Exact as long as twice the value is: differences of times are. */
const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1)

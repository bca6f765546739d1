/** Record batches read a second time, plainly and slowly, as the protocol's text says. Shares no code with the library. */
export interface PlainBatch {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  /** From its first byte to its last. */
  readonly bytes: Uint8Array
  readonly attributes: number
  readonly baseTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly count: number
}

export const HEADER_BYTES = 61

/** The whole batches at the beginning of `bytes`; what isn't framed as one ends them. */
export function plainBatches(bytes: Uint8Array): PlainBatch[] {
  const batches: PlainBatch[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + 12 + view.getInt32(at + 8)
    if (end < at + HEADER_BYTES || end > bytes.length) break
    const baseOffset = view.getBigInt64(at)
    batches.push({
      baseOffset,
      lastOffset: baseOffset + BigInt(view.getInt32(at + 23)),
      bytes: bytes.subarray(at, end),
      attributes: view.getUint16(at + 21),
      baseTimestamp: view.getBigInt64(at + 27),
      maxTimestamp: view.getBigInt64(at + 35),
      producerId: view.getBigInt64(at + 43),
      count: view.getInt32(at + 57),
    })
    at = end
  }
  return batches
}

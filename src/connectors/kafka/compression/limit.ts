/** Refuses a size that a codec announces before any memory is taken for it. */
export function checkSize(size: number, limit: number): void {
  if (size > limit) throw new RangeError(`more than ${limit} bytes when decompressed`)
}

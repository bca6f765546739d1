/** What JSON lacks, as people would write it: users keep anything in state. */
export function plainJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) return [...value].map(([key, inner]) => [plainJson(key), plainJson(inner)])
  if (Array.isArray(value) || value instanceof Set) return [...value].map(plainJson)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainJson(inner)]))
}

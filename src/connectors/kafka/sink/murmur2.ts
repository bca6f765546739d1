const SEED = 0x9747b28c
const M = 0x5bd1e995

/** The hash by which Kafka's Java client chooses a partition for a key: murmur2, made positive as it does that. */
export function keyHash(key: Uint8Array): number {
  const { length } = key
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24)
    word = Math.imul(word, M)
    word ^= word >>> 24
    hash = Math.imul(hash, M) ^ Math.imul(word, M)
  }
  const left = length - at
  if (left === 3) hash ^= key[at + 2]! << 16
  if (left >= 2) hash ^= key[at + 1]! << 8
  if (left >= 1) hash = Math.imul(hash ^ key[at]!, M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return (hash ^ (hash >>> 15)) & 0x7fffffff
}

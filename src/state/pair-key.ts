import { textKey, textOfKey } from './text-key.js'

/**
 * Two texts as one key of a table, the first with a byte per character: pairs are in the order of their firsts, then of
 * their seconds. A zero in the first is followed by a one, and two zeros end it.
 */
export function pairKey(first: string, second: string): string {
  return `${first.includes('\0') ? first.replaceAll('\0', '\0\u0001') : first}\0\0${textKey(second)}`
}

export function pairOf(key: string): readonly [first: string, second: string] {
  const end = key.indexOf('\0\0')
  return [key.slice(0, end).replaceAll('\0\u0001', '\0'), textOfKey(key.slice(end + 2))]
}

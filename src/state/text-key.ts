/**
 * Any text as a key of a table. Keys are stored as UTF-8, which has no halves of surrogate pairs, as cutting a text may
 * leave them: they would all come back as the same character.
 */
export function textKey(text: string): string {
  return !text.startsWith('\0') && !HALF.test(text) ? text : `\0${JSON.stringify(text)}`
}

export function textOfKey(key: string): string {
  return key.startsWith('\0') ? (JSON.parse(key.slice(1)) as string) : key
}

const HALF = /\p{Surrogate}/u

import { isUtf8 } from 'node:buffer'

/** What a decoder puts where bytes are no UTF-8; legal as itself, so its presence only raises suspicion. */
const replacement = '�'

/**
 * The text in `bytes`, or null where they are not UTF-8. Reads them in place; checking is nearly free, since the text
 * of most records holds no replacement character.
 */
export function textOf(bytes: Uint8Array): string | null {
  // What sources hand over mostly is a Buffer: a second view costs as much as the check.
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  return text.includes(replacement) && !isUtf8(buffer) ? null : text
}

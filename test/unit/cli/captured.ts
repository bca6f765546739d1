import picocolors from 'picocolors'
import type { Terminal } from '../../../src/cli/terminal.js'

/** A terminal that keeps what is written to it; no colours, no screen. */
export function captured(env: Terminal['env'] = {}): Terminal & { readonly text: { out: string; err: string } } {
  const text = { out: '', err: '' }
  return {
    text,
    out: (more) => void (text.out += more),
    err: (more) => void (text.err += more),
    colors: picocolors.createColors(false),
    isScreen: false,
    env,
  }
}

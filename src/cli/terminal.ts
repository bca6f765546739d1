import { isatty } from 'node:tty'

import picocolors from 'picocolors'

export type Colors = ReturnType<typeof picocolors.createColors>

/** Where a command writes: results to `out`, everything else to `err`. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Plain functions where colours are not wanted: NO_COLOR, or no terminal. */
  readonly colors: Colors
  /** Whether `out` is a screen that can be drawn again. */
  readonly isScreen: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process
  // A reader that has seen enough (`| head`) is no failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  // Not `stdout.isTTY`: that is undefined where there is none, which leaves it to picocolors, and that colours wherever CI is set.
  const isScreen = isatty(stdout.fd)
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    colors: picocolors.createColors(isScreen && picocolors.isColorSupported),
    isScreen,
    env,
  }
}

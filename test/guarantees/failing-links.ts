/**
 * Lets the creation of ledger entries fail where a test says so: before the entry is there, or right after. To be imported
 * before anything of the package is: its modules keep what they have imported.
 */
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

export type Fault = 'before' | 'after'

const { link } = fs
let armed: { readonly below: string; readonly fault: Fault } | undefined
let struck = 0

fs.link = async (from, to) => {
  const fault = armed !== undefined && String(to).startsWith(armed.below) ? armed.fault : undefined
  if (fault !== undefined) {
    armed = undefined
    struck++
  }
  if (fault !== 'before') await link(from, to)
  if (fault === undefined) return
  throw Object.assign(new Error('EIO: the test pulls the plug'), { code: 'EIO', syscall: 'link' })
}
syncBuiltinESMExports()

/** The next entry that is created below that directory fails. */
export function failNextLink(below: string, fault: Fault): void {
  armed = { below, fault }
}

/** How many have failed so far. */
export const failedLinks = (): number => struck

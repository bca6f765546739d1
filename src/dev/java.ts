import { join } from 'node:path'

import { reasonOf } from '../errors/base.js'
import { outputOf } from './run-command.js'

const LOWEST = 17

/** A `java` that Kafka 4 runs on: JAVA_HOME's, else the one on PATH. Throws saying what is wrong with what is there. */
export async function findJava(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const home = env['JAVA_HOME']
  const candidates = [...(home ? [join(home, 'bin', 'java')] : []), 'java']
  const reasons: string[] = []
  for (const java of candidates) {
    try {
      const version = javaVersion(await outputOf(java, ['-version'], env))
      if (version >= LOWEST) return java
      reasons.push(`${java} is Java ${version}`)
    } catch (error) {
      reasons.push(`${java}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not there' : reasonOf(error)}`)
    }
  }
  throw new Error(`Kafka needs Java ${LOWEST} or later; ${reasons.join('; ')}`)
}

/** The feature version in what `java -version` prints: `"1.8.0_402"` → 8, `"17.0.15"` → 17. */
export function javaVersion(printed: string): number {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(printed) ?? []
  if (first === undefined) throw new Error(`no version in what it prints: ${printed.trim()}`)
  return first === '1' && second !== undefined ? Number(second) : Number(first)
}

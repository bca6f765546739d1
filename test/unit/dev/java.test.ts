import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { findJava, javaVersion } from '../../../src/dev/java.js'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tidemark-test-java-'))
  await mkdir(join(home, 'bin'))
})
afterEach(() => rm(home, { recursive: true }))

async function installJava(version: string): Promise<string> {
  const java = join(home, 'bin', 'java')
  await writeFile(java, `#!/bin/sh\necho 'openjdk version "${version}" 2020-01-01' >&2\n`)
  await chmod(java, 0o755)
  return java
}

it.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['openjdk version "21" 2023-09-19', 21],
  ['java version "1.8.0_402"', 8],
])('reads %s', (printed, version) => {
  expect(javaVersion(printed)).toBe(version)
})

it("takes JAVA_HOME's", async () => {
  const java = await installJava('21.0.1')
  expect(await findJava({ JAVA_HOME: home, PATH: '/bin' })).toBe(java)
})

it('takes the one on PATH where JAVA_HOME is too old', async () => {
  await installJava('11.0.2')
  expect(await findJava({ ...process.env, JAVA_HOME: home })).toBe('java')
})

it('says what it found where nothing will do', async () => {
  const java = await installJava('11.0.2')
  await expect(findJava({ JAVA_HOME: home, PATH: '/nowhere' })).rejects.toThrow(
    `Kafka needs Java 17 or later; ${java} is Java 11; java: not there`,
  )
})

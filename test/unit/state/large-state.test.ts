import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Of values it holds 120 MB. */
const heap = '--max-old-space-size=48'
const program = join(import.meta.dirname, 'large-state.mjs')
const run = promisify(execFile)

test('values on disk may be more than memory holds', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-large-'))
  try {
    const { stdout } = await run(process.execPath, [heap, program, directory], { cwd: tmpdir() })
    expect(stdout).toBe('60000 entries, 0 wrong\n')
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('in memory they may not', async () => {
  await expect(run(process.execPath, [heap, program], { cwd: tmpdir() })).rejects.toThrow(
    'JavaScript heap out of memory',
  )
})

/** Files a person can hold in mind: one idea each, named after it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { projectRoot, sourceFiles } from './project-files.js'

const MOST_LINES = 400
const files = sourceFiles('src', 'workflows', 'activities', 'test', 'examples', 'bench', 'faults', 'scripts')

it('are no longer than 400 lines', () => {
  const sizes = files.map((file) => ({
    file,
    lines: readFileSync(join(projectRoot, file), 'utf8').split('\n').length - 1,
  }))
  expect(sizes.length).toBeGreaterThan(100)
  expect(sizes.filter(({ lines }) => lines > MOST_LINES)).toEqual([])
})

it('are named by what they are for', () => {
  const nameless = /(^|\/)(utils?|helpers?|common|misc|shared|lib)(\/|\.\w+$)/
  expect(files.filter((file) => nameless.test(file))).toEqual([])
})

it('time requests by src/connectors/s3/time-limit.ts: it says what is wrong with AbortSignal.any', () => {
  const shipped = files.filter((file) => /^(src|workflows|activities)\//.test(file) && !file.endsWith('time-limit.ts'))
  expect(shipped.length).toBeGreaterThan(100)
  const anys = shipped.filter((file) => readFileSync(join(projectRoot, file), 'utf8').includes('AbortSignal.any('))
  expect(anys).toEqual([])
})

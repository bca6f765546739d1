import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCatalog } from '../../src/errors/catalog.js'
import * as errors from '../../src/errors/index.js'

/** The README's error table names every error that can be thrown, and no other. */
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const section = readme.slice(readme.indexOf('\n## Errors'), readme.indexOf('\n## Further'))
const documented = [...section.matchAll(/^\| `(\w+)` +\|/gm)].map(([, code]) => code)

test('every error class has its row in the README, and every row its class', () => {
  const thrown = Object.keys(errors).filter((name) => Object.hasOwn(errorCatalog, name))
  expect(new Set(documented)).toEqual(new Set(thrown))
  expect(documented).toHaveLength(thrown.length)
})

test('links of the README lead somewhere', () => {
  const targets = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target]) => target ?? '')
  expect(targets.length).toBeGreaterThan(3)
  for (const target of targets)
    expect(() => readFileSync(new URL(`../../${target}`, import.meta.url)), target).not.toThrow('ENOENT')
})

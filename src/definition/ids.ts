/** Ids are shown to people, and are part of workflow ids, ledger keys and directories on every platform. */

const kebab = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/
const camel = /^[a-z][a-zA-Z0-9]*$/
const longest = 64

/** The id of the dead-letter sink's ledger; no source, step or sink may have it. */
export const deadLettersId = 'dead-letters'

/** What is wrong with an id; undefined for a good one. Names of sources and branches are property names too, so may be camelCase. */
export function idFault(id: unknown, allow: 'kebab' | 'property'): string | undefined {
  if (typeof id !== 'string' || id === '') return 'must be a text that is not empty'
  if (id.length > longest) return `must not be longer than ${longest} characters`
  if (kebab.test(id) || (allow === 'property' && camel.test(id))) return undefined
  return `must be kebab-case${allow === 'property' ? ' or camelCase' : ''}: lower-case letters and digits${
    allow === 'property' ? '' : ', words joined by single hyphens'
  }, a letter first`
}

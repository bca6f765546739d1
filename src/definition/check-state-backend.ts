import { z } from 'zod'
import type { Fault } from './fault.js'
import { faultsOf, functionSchema } from './faults-of.js'
import type { StateBackend } from './state-backend.js'

const PATH = 'state.backend'

// Not strict: a backend may be any object that has these.
const schema = z.object({
  kind: z.string('must be a text').min(1, 'must not be empty'),
  describe: z.string('must be a text').min(1, 'must not be empty'),
  retainMs: z.number('must be milliseconds').min(0, 'must not be negative'),
  open: functionSchema,
})

/** The state backend among the options `state`, null where there is none, with what is wrong with it. */
export function checkStateBackend(state: unknown): [StateBackend | null, readonly Fault[]] {
  const backend = (state as { readonly backend?: unknown } | null | undefined)?.backend
  if (backend === undefined) return [null, []]
  if (typeof backend !== 'object' || backend === null) {
    return [null, [{ path: PATH, message: 'is no state backend: make it with fileState, s3State or postgresState' }]]
  }
  const { faults = [] } = backend as StateBackend
  const below = faults.map((fault) => ({ ...fault, path: `${PATH}.${fault.path}` }))
  return [backend as StateBackend, below.length > 0 ? below : faultsOf(schema, backend, PATH)]
}

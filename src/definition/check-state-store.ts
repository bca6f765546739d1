import { z } from 'zod'
import type { Fault } from './fault.js'
import { faultsOf, functionSchema } from './faults-of.js'
import type { StateStore } from './state-store.js'

const PATH = 'state.store'

// Not strict: a store may be any object that has these.
const schema = z.object({
  kind: z.string('must be a text').min(1, 'must not be empty'),
  describe: z.string('must be a text').min(1, 'must not be empty'),
  open: functionSchema,
})

/** The worker's own store among the options `state`, null where there is none, with what is wrong with it. */
export function checkStateStore(state: unknown): [StateStore | null, readonly Fault[]] {
  const store = (state as { readonly store?: unknown } | null | undefined)?.store
  if (store === undefined) return [null, []]
  if (typeof store !== 'object' || store === null) {
    return [null, [{ path: PATH, message: 'is no store: make it with lmdbStore' }]]
  }
  const { faults = [] } = store as StateStore
  const below = faults.map((fault) => ({ ...fault, path: `${PATH}.${fault.path}` }))
  return [store as StateStore, below.length > 0 ? below : faultsOf(schema, store, PATH)]
}

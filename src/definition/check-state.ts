import { z } from 'zod'
import { valueCodec } from '../state/value-codec.js'
import type { StateCodec } from '../state/table.js'
import { plainState, type StateSettings } from '../steps/keyed-state.js'
import type { Fault } from './fault.js'
import { durationSchema, faultsIn, functionSchema } from './faults-of.js'
import { noHeaders } from './headers.js'
import type { Serde } from './serde.js'

const base = {
  ttl: durationSchema(1).optional(),
  version: z.int('must be a whole number').min(1, 'must be at least 1').default(1),
  migrate: functionSchema.optional(),
}
const serdeSchema = z.custom<Serde<unknown>>((given) => {
  const serde = given as Partial<Serde<unknown>> | null | undefined
  return typeof serde?.encode === 'function' && typeof serde.decode === 'function'
}, 'must be a serde, with encode and decode')
const plainSchema = z.strictObject(base, 'must be an object')
const withSerde = z.strictObject({ ...base, serde: serdeSchema.optional() }, 'must be an object')

/** Options of a step's state as the step reads them, with what is wrong with them. `serde`: whether there may be one. */
export function checkState(options: unknown, path: string, serde: boolean): [StateSettings, readonly Fault[]] {
  const parsed = (serde ? withSerde : plainSchema).safeParse(options ?? {}, { reportInput: true })
  if (!parsed.success) return [plainState, faultsIn(parsed.error, path)]
  const { ttl, version, migrate, serde: given } = parsed.data as z.infer<typeof withSerde>
  return [
    {
      version,
      ttlMs: ttl ?? null,
      codec: given === undefined ? valueCodec : codecOf(given),
      ...(migrate === undefined ? {} : { migrate: migrate as NonNullable<StateSettings['migrate']> }),
    },
    [],
  ]
}

function codecOf(serde: Serde<unknown>): StateCodec<unknown> {
  return {
    encode: (value) => serde.encode(value),
    decode: (bytes) => {
      const value = serde.decode(bytes, { topic: '', headers: noHeaders, isKey: false })
      if (!(value instanceof Promise)) return value
      value.catch(() => {})
      throw new TypeError('the serde of a state must decode without waiting: it returned a promise')
    },
  }
}

import { z } from 'zod'
import type { Fault } from '../../definition/fault.js'
import { faultsOf, functionSchema } from '../../definition/faults-of.js'

const filled = z.string('must be a text').min(1, 'must not be empty')
const database = filled.optional()

/** What `postgresSink` takes, as far as it can be known without a database. */
export const tableSchema = z
  .strictObject(
    {
      table: z
        .string('must be the name of a table')
        .regex(/^[^.\p{Cc}]+(\.[^.\p{Cc}]+)?$/u, "must be 'table' or 'schema.table'"),
      upsert: z
        .strictObject({ key: z.array(filled, 'must be a list of columns').min(1, 'must name a column') })
        .optional(),
      method: z.enum(['insert', 'copy'], "must be 'insert' or 'copy'").optional(),
      database,
    },
    'must be an object of options',
  )
  .refine(({ method, upsert }) => method !== 'copy' || upsert === undefined, {
    path: ['method'],
    message: "'copy' can only add rows: leave it out, or `upsert`",
  })

/** What `postgresStatementSink` takes. */
export const statementSchema = z.strictObject({ write: functionSchema, database }, 'must be an object of options')

export const sinkFaults = (schema: z.ZodType, options: unknown): readonly Fault[] => faultsOf(schema, options, '')

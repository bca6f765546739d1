import type { Serde } from '../serde.js'
import { describeIssues, type Schema, type SchemaResult } from './schema.js'
import { textOf } from './utf8.js'

/**
 * UTF-8 JSON. With a schema (zod, valibot, arktype …) what is read is checked and transformed by it; without one it is
 * `unknown`. What is written is not checked again; properties are written in the order in which they were added, so
 * equal steps write equal bytes. A bad record's error names the paths that are wrong, never their values: it goes into
 * history. Properties that the schema doesn't name are `*`, as those of records and maps. What the schema's library says
 * is told of zod only, as others quote the value; texts of your own refinements are told as they are.
 *
 * A schema that validates asynchronously costs a promise per record.
 */
export function json(): Serde<unknown>
export function json<In, Out>(schema: Schema<In, Out>): Serde<Out, In>
export function json(schema?: Schema<unknown, unknown>): Serde<unknown> {
  if (schema === undefined) return plain
  const standard = schema['~standard']
  return Object.freeze({
    encode,
    decode: (bytes: Uint8Array) => {
      const value = parse(bytes)
      const result = standard.validate(value)
      return result instanceof Promise
        ? result.then((settled) => valueOf(settled, schema, value))
        : valueOf(result, schema, value)
    },
  })
}

const plain: Serde<unknown> = Object.freeze({ encode, decode: parse })

function parse(bytes: Uint8Array): unknown {
  const text = textOf(bytes)
  if (text === null) throw new Error(`not JSON: not UTF-8 (${bytes.byteLength} bytes)`)
  let where: string
  try {
    return JSON.parse(text)
  } catch (error) {
    where = whereOf(error, text)
  }
  throw new Error(`not JSON: ${where}`)
}

/** The parser's own message quotes the value, which may be a secret: only the place is taken from it. */
function whereOf(error: unknown, text: string): string {
  const position = error instanceof Error ? / at position (\d+)/.exec(error.message)?.[1] : undefined
  if (position !== undefined) return `at character ${position} of ${text.length}`
  return text.trim() === '' ? 'empty' : `${text.length} characters`
}

function valueOf(result: SchemaResult<unknown>, schema: Schema<unknown, unknown>, value: unknown): unknown {
  if (result.issues === undefined) return result.value
  throw new Error(describeIssues(result.issues, schema, value))
}

function encode(value: unknown): Uint8Array {
  const written: string | undefined = JSON.stringify(value)
  if (written === undefined) throw new Error(`a value of type ${typeof value} has no JSON`)
  return Buffer.from(written, 'utf8')
}

/** What is told of a record that a schema refuses goes into history: nothing of the record may be in it. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { z as z3 } from 'zod/v3'
import { noHeaders } from '../../../../src/definition/headers.js'
import { json, type Schema } from '../../../../src/definition/serdes/index.js'
import type { SchemaIssue } from '../../../../src/definition/serdes/schema.js'

const SECRET = 'x@secret.example'

/** The message of the error with which `schema` refuses `record`. */
function told(schema: Schema<unknown, unknown>, record: unknown): string {
  try {
    json(schema).decode(Buffer.from(JSON.stringify(record)), { topic: 't', headers: noHeaders, isKey: false })
  } catch (error) {
    const { message } = error as Error
    expect(message).not.toContain(SECRET)
    return message
  }
  throw new Error('it was not refused')
}

describe('of zod', () => {
  test.each<[what: string, schema: Schema<unknown, unknown>, record: unknown, message: string]>([
    ['a wrong type', z.object({ mail: z.email() }), { mail: SECRET.slice(1) }, 'mail: Invalid email address'],
    ['a wrong option', z.enum(['a', 'b']), SECRET, 'Invalid option: expected one of "a"|"b"'],
    ['an unknown property', z.strictObject({}), { [SECRET]: 1 }, 'has an unknown property'],
    [
      'unknown properties',
      z.object({ orders: z.array(z.strictObject({ id: z.number() })) }),
      { orders: [{ id: 1 }, { id: 2, [SECRET]: 1, other: 2 }] },
      'orders[1]: has 2 unknown properties',
    ],
    [
      'a value in a record',
      z.object({ totals: z.record(z.string(), z.object({ net: z.number() })) }),
      { totals: { [SECRET]: { net: '1' } } },
      'totals.*.net: Invalid input: expected number, received string',
    ],
    ['a key of a record', z.record(z.string().max(3), z.number()), { [SECRET]: 1 }, '*: Invalid key in record'],
    [
      'a key that the schema names',
      z.record(z.enum(['net', 'gross']), z.number()),
      { net: 1, gross: '2' },
      'gross: Invalid input: expected number, received string',
    ],
    [
      'a property beyond those named',
      z.object({ id: z.number() }).catchall(z.number()),
      { id: 1, [SECRET]: 'x' },
      '*: Invalid input: expected number, received string',
    ],
    [
      'a key of a map that is a number',
      z.preprocess((pairs) => new Map(pairs as [number, unknown][]), z.map(z.number(), z.number())),
      [[4711, 'x']],
      '[*]: Invalid input: expected number, received string',
    ],
    [
      'names within all that may be around them',
      z.lazy(() =>
        z
          .union([z.object({ a: z.object({ deep: z.number() }).nullable().default(null) }), z.string()])
          .and(z.object({ b: z.tuple([z.number()]).optional() }).readonly()),
      ),
      { a: null, b: ['x'] },
      'b[0]: Invalid input: expected number, received string',
    ],
    [
      'the words of its author',
      z.object({ mail: z.string() }).refine(() => false, { message: 'must be one of ours', path: ['mail'] }),
      { mail: SECRET },
      'mail: must be one of ours',
    ],
    [
      'zod 3, which quotes options',
      z3.object({ kind: z3.enum(['a']) }),
      { kind: SECRET },
      'kind: does not match the schema',
    ],
    ['zod 3, its unknown properties', z3.object({}).strict(), { [SECRET]: 1 }, 'has an unknown property'],
    [
      'zod 3, names',
      z3.object({ id: z3.array(z3.object({ n: z3.number() })) }),
      { id: [{ n: 'x' }] },
      'id[0].n: Expected number, received string',
    ],
  ])('%s', (_, schema, record, message) => {
    expect(told(schema, record)).toBe(message)
  })

  test('a schema within itself', () => {
    interface Tree {
      readonly label: string
      readonly below: readonly Tree[]
    }
    const tree: z.ZodType<Tree> = z.object({
      label: z.string(),
      get below() {
        return z.array(tree)
      },
    })
    const record = { label: 'a', below: [{ label: 'b', below: [{ label: 7, below: [] }] }] }
    expect(told(tree, record)).toBe('below[0].below[0].label: Invalid input: expected string, received number')
  })
})

/** A schema of another library, that refuses everything for these reasons. */
const refusing = (vendor: string, issues: readonly SchemaIssue[], parts: object): Schema<unknown, unknown> =>
  Object.assign(parts, { '~standard': { version: 1 as const, vendor, validate: () => ({ issues }) } })

describe('of libraries whose messages quote the record, the path is told alone', () => {
  test('as valibot holds its parts and writes its paths', () => {
    const object = (entries: object): object => ({ kind: 'schema', type: 'object', entries })
    const path = (...keys: (string | number)[]): { key: string | number }[] => keys.map((key) => ({ key }))
    const schema = refusing(
      'valibot',
      [
        { message: `Invalid email: Received "${SECRET}"`, path: path('mail') },
        { message: `Invalid type: Expected number but received "${SECRET}"`, path: path('json', 0, 'deep') },
        { message: `Invalid type: Expected number but received "${SECRET}"`, path: path('mail', SECRET) },
        { message: `Invalid key: Expected never but received "${SECRET}"`, path: path(SECRET) },
      ],
      object({ mail: { type: 'string' }, json: { type: 'array', item: object({ deep: { type: 'number' } }) } }),
    )
    const mismatch = 'does not match the schema'
    expect(told(schema, { json: [{ deep: SECRET }] })).toBe(
      `mail: ${mismatch}; json[0].deep: ${mismatch}; mail.*: ${mismatch}; *: ${mismatch}`,
    )
  })

  test('as arktype does, whose types are functions', () => {
    const parts = {
      required: [{ key: 'mail', value: { domain: 'string' } }],
      optional: [{ key: 'n', value: { sequence: { required: [{ key: 'deep', value: 'number' }] }, proto: 'Array' } }],
    }
    const issues = [
      { code: 'pattern', message: `mail must be an email address (was "${SECRET}")`, path: ['mail'] },
      { code: 'domain', message: 'n[0].deep must be a number (was a string)', path: ['n', 0, 'deep'] },
      { code: 'predicate', message: `${SECRET} must be removed`, path: [SECRET] },
    ]
    const type = Object.assign(() => undefined, { json: parts })
    expect(told(refusing('arktype', issues, type), { mail: SECRET, n: [{ deep: SECRET }] })).toBe(
      'mail: does not match the schema; n[0].deep: does not match the schema; *: does not match the schema',
    )
  })

  test('as one does that hides its parts', () => {
    const issues = [{ message: SECRET, path: ['mail', Symbol(SECRET)] }]
    const parts = {
      get getter(): never {
        throw new Error('not without a value')
      },
    }
    expect(told(refusing('other', issues, parts), {})).toBe('*.*: does not match the schema')
  })
})

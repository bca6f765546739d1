import { namesIn } from './schema-names.js'

/** Standard Schema (https://standardschema.dev): what zod, valibot, arktype … have in common, as far as it is used here. */
export interface Schema<In, Out> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

export type SchemaResult<Out> =
  { readonly value: Out; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

const mostIssues = 5
const mismatch = 'does not match the schema'

/**
 * zod's messages that tell of the schema only, or in its author's own words. Others quote: `unrecognized_keys` names of
 * the record, zod 3's `invalid_enum_value` its values.
 */
const tellsOfSchema = new Set([
  'custom',
  'invalid_date',
  'invalid_element',
  'invalid_format',
  'invalid_key',
  'invalid_literal',
  'invalid_string',
  'invalid_type',
  'invalid_union',
  'invalid_union_discriminator',
  'invalid_value',
  'not_finite',
  'not_multiple_of',
  'too_big',
  'too_small',
])

/**
 * `orders[0].total: expected number, received string; …`. It goes into history, so it holds nothing of `value`, the record:
 * what the library says is told for zod only, as others quote the value; a property that the schema doesn't name is `*`.
 */
export function describeIssues(
  issues: readonly SchemaIssue[],
  schema: Schema<unknown, unknown>,
  value: unknown,
): string {
  const names = namesIn(schema)
  const { vendor } = schema['~standard']
  const shown = issues.slice(0, mostIssues).map((issue) => {
    const at = pathOf(issue.path ?? [], names, value)
    const message = vendor === 'zod' ? messageOf(issue) : mismatch
    return at === '' ? message : `${at}: ${message}`
  })
  if (issues.length > mostIssues) shown.push(`and ${issues.length - mostIssues} more`)
  return shown.join('; ')
}

function messageOf(issue: SchemaIssue & { readonly code?: unknown; readonly keys?: unknown }): string {
  if (typeof issue.code === 'string' && tellsOfSchema.has(issue.code)) return issue.message
  if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return mismatch
  return issue.keys.length === 1 ? 'has an unknown property' : `has ${issue.keys.length} unknown properties`
}

function pathOf(path: NonNullable<SchemaIssue['path']>, names: ReadonlySet<string>, value: unknown): string {
  let within = value
  let text = ''
  for (const part of path) {
    const key = typeof part === 'object' ? part.key : part
    // A number that is no place in an array is the key of a map.
    if (typeof key === 'number') text += Array.isArray(within) && key < within.length ? `[${key}]` : '[*]'
    else text += `${text === '' ? '' : '.'}${typeof key === 'string' && names.has(key) ? key : '*'}`
    within = (within as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key]
  }
  return text
}

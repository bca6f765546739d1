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

/** `orders[0].total: expected number, received string; …`. Names paths, never values. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, mostIssues).map(({ path = [], message }) => {
    const at = pathOf(path)
    return at === '' ? message : `${at}: ${message}`
  })
  if (issues.length > mostIssues) shown.push(`and ${issues.length - mostIssues} more`)
  return shown.join('; ')
}

function pathOf(path: NonNullable<SchemaIssue['path']>): string {
  return path
    .map((part) => (typeof part === 'object' ? part.key : part))
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : index === 0 ? String(key) : `.${String(key)}`))
    .join('')
}

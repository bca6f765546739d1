/** Bounds the walk: a schema may hold anything, such as a default value of any size. */
const MOST_PARTS = 10_000

/** Functions that give a part of a schema, by their property: of lazy schemas, and of zod 3's objects. */
const GIVES_PART = new Set(['getter', 'shape'])

/**
 * Every name and text that a schema is made of, the names of its properties among them: what else stands in the path of
 * an issue comes from the record. Knows how zod 3 and 4, valibot and arktype hold their parts; of a library that hides
 * them it finds none.
 */
export function namesIn(schema: object): ReadonlySet<string> {
  let names = known.get(schema)
  if (names === undefined) known.set(schema, (names = walk(schema)))
  return names
}

const known = new WeakMap<object, ReadonlySet<string>>()

function walk(schema: object): ReadonlySet<string> {
  const names = new Set<string>()
  const parts = new Set<unknown>([schema])
  // A set is walked in the order in which it grows, each part once.
  for (const part of parts) {
    if (parts.size > MOST_PARTS) break
    if (typeof part === 'string') names.add(part)
    if ((typeof part !== 'object' && typeof part !== 'function') || part === null) continue
    const holder = holderOf(part)
    for (const name of Object.keys(holder)) {
      if (!Array.isArray(holder)) names.add(name)
      parts.add(partAt(holder, name))
    }
  }
  return names
}

/** Where a schema holds its parts: zod 4 in `_zod.def`, zod 3 in `_def`, arktype, whose types are functions, in `json`; else in itself. */
function holderOf(part: object): object {
  const { _zod, _def, json } = part as Readonly<Record<'_zod' | '_def' | 'json', unknown>>
  const held = isObject(_zod) ? (_zod as { readonly def?: unknown }).def : _def
  if (isObject(held)) return held
  return typeof part === 'function' && isObject(json) ? json : part
}

/** Null where it can't be had without a value to check. */
function partAt(holder: object, name: string): unknown {
  try {
    const part = (holder as Readonly<Record<string, unknown>>)[name]
    return typeof part === 'function' && GIVES_PART.has(name) ? ((part as () => unknown)() ?? null) : (part ?? null)
  } catch {
    return null
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

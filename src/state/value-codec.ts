import type { StateCodec } from './table.js'

/**
 * JSON, but for what users keep and JSON would change: `{"~date": 5}` and the like stand for `Date`, `Map`, `Set`, bytes,
 * bigint, `undefined` and the numbers that JSON lacks. Readable in history, and the same value again after a restart.
 * Throws a `TypeError` for what it can't keep: functions, symbols, objects of classes.
 */
export const valueCodec: StateCodec<unknown> = {
  encode(value) {
    try {
      return Buffer.from(JSON.stringify(tagged(value)))
    } catch (error) {
      const at = placeOf(value)
      if (at === '' || !(error instanceof TypeError)) throw error
      throw new TypeError(`at ${at}: ${error.message}`, { cause: error })
    }
  },
  decode: (bytes) => {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const text = buffer.toString()
    const value = parsed(text)
    return text.includes('"~') ? untagged(value) : value
  },
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the state.
    throw new SyntaxError(`not JSON, ${text.length} characters: was it written with a serde?`)
  }
}

/** `value` itself where JSON keeps all of it, which is the rule. */
function tagged(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { '~number': numberText(value) }
    case 'bigint':
      return { '~bigint': String(value) }
    case 'undefined':
      return { '~undefined': true }
    case 'object':
      return value === null ? null : taggedObject(value)
    case 'function':
    case 'symbol':
      throw new TypeError(`state can't hold a ${typeof value}`)
    case 'string':
    case 'boolean':
      return value
  }
}

function taggedObject(value: object): unknown {
  if (Array.isArray(value)) return taggedArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return taggedRecord(value)
  // What is of a class of one's own would come back as one of these.
  if (prototype === Date.prototype) {
    const ms = (value as Date).getTime()
    return { '~date': Number.isNaN(ms) ? null : ms }
  }
  if (prototype === Map.prototype) {
    return { '~map': [...(value as Map<unknown, unknown>)].map(([key, inner]) => [tagged(key), tagged(inner)]) }
  }
  if (prototype === Set.prototype) return { '~set': [...(value as Set<unknown>)].map(tagged) }
  if (prototype === Uint8Array.prototype) return { '~bytes': base64(value as Uint8Array) }
  if (prototype === Buffer.prototype) return { '~buffer': base64(value as Uint8Array) }
  const { constructor } = value as { readonly constructor?: { readonly name?: unknown } }
  throw new TypeError(
    `state can't hold an object of class ${String(constructor?.name)}: give it a serde, or plain objects`,
  )
}

function base64({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('base64')
}

/** Where in a value the first thing is that can't be kept: `.total.by[2]`. */
function placeOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  const within = value instanceof Map || value instanceof Set ? [...value].entries() : Object.entries(value)
  for (const [name, inner] of within) {
    try {
      tagged(inner)
    } catch {
      return `${Number.isNaN(Number(name)) ? `.${name}` : `[${name}]`}${placeOf(inner)}`
    }
  }
  return ''
}

function taggedRecord(value: object): unknown {
  let changed: Record<string, unknown> | undefined
  for (const [name, inner] of Object.entries(value)) {
    const now = tagged(inner)
    if (now === inner) continue
    changed ??= { ...value }
    changed[name] = now
  }
  const kept = changed ?? value
  return isTag(kept) ? { '~object': kept } : kept
}

/** Holes are what they read as. */
function taggedArray(value: readonly unknown[]): readonly unknown[] {
  let changed: unknown[] | undefined
  for (let i = 0; i < value.length; i++) {
    const now = tagged(value[i])
    if (now === value[i]) continue
    changed ??= [...value]
    changed[i] = now
  }
  return changed ?? value
}

function isTag(value: object): boolean {
  for (const name in value) return name.startsWith('~')
  return false
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(untagged)
  const [entry] = Object.entries(value)
  if (entry?.[0].startsWith('~') === true) return untag(entry[0], entry[1])
  return untaggedRecord(value)
}

function untaggedRecord(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, untagged(inner)]))
}

function untag(tag: string, inner: unknown): unknown {
  switch (tag) {
    case '~number':
      return Number(inner)
    case '~bigint':
      return BigInt(inner as string)
    case '~undefined':
      return undefined
    case '~date':
      return new Date(inner === null ? Number.NaN : (inner as number))
    case '~map':
      return new Map((inner as [unknown, unknown][]).map(([key, each]) => [untagged(key), untagged(each)]))
    case '~set':
      return new Set((inner as unknown[]).map(untagged))
    case '~bytes':
      return new Uint8Array(Buffer.from(inner as string, 'base64'))
    case '~buffer':
      return Buffer.from(inner as string, 'base64')
    case '~object':
      return untaggedRecord(inner as object)
    default:
      throw new TypeError(`state has the unknown tag ${tag}`)
  }
}

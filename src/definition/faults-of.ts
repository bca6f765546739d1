import { z } from 'zod'
import { parseBytes, parseDuration } from '../units.js'
import type { Fault } from './fault.js'

type Function = (...args: never) => unknown

/** Any function; what it takes is the compiler's business. */
export const functionSchema = z.custom<Function>((value) => typeof value === 'function', 'must be a function')

/** A duration within bounds, both in milliseconds and inclusive. */
export function durationSchema(least: number, most = Infinity): z.ZodType<number> {
  return z.unknown().transform((value, ctx) => {
    const ms = parseDuration(value)
    if (ms !== null && ms >= least && ms <= most) return ms
    const message =
      ms === null
        ? "is no duration: write milliseconds as a number, or a text such as '500ms', '5s', '1 hour'"
        : ms < least
          ? `must be at least ${least} ms`
          : `must be at most ${most} ms`
    ctx.issues.push({ code: 'custom', message, input: value })
    return z.NEVER
  })
}

/** A size within bounds, both in bytes and inclusive. */
export function bytesSchema(least: number, most: number): z.ZodType<number> {
  return z.unknown().transform((value, ctx) => {
    const bytes = parseBytes(value)
    if (bytes !== null && bytes >= least && bytes <= most) return bytes
    const message =
      bytes === null
        ? "is no size: write bytes as a number, or a text such as '64 KiB'"
        : `must be from ${least} to ${most} bytes`
    ctx.issues.push({ code: 'custom', message, input: value })
    return z.NEVER
  })
}

/** All that is wrong with `value` against `schema`, paths beginning with `path`; nothing if it is all right. */
export function faultsOf(schema: z.ZodType, value: unknown, path: string): readonly Fault[] {
  const result = schema.safeParse(value, { reportInput: true })
  return result.success ? [] : faultsIn(result.error, path)
}

/** The issues of `error`, paths beginning with `path`, as faults. It must come from a parse with `reportInput`. */
export function faultsIn(error: z.ZodError, path = ''): readonly Fault[] {
  return error.issues.flatMap((issue) => {
    const at = [path, ...issue.path.map(String)].filter((part) => part !== '').join('.')
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: at === '' ? key : `${at}.${key}`, message: 'is not an option' }))
    }
    return [faultAt(at, issue.message, issue.input)]
  })
}

/** A fault that shows what was found, if that is short and plain. */
export function faultAt(path: string, message: string, got: unknown): Fault {
  const short =
    (typeof got === 'string' && got.length <= 80) ||
    (typeof got === 'number' && Number.isFinite(got)) ||
    typeof got === 'boolean' ||
    got === null
  return short ? { path, message, got } : { path, message }
}

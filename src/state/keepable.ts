import { reasonOf } from '../errors/base.js'
import type { TaskAt } from '../errors/ownership.js'
import { StateNotKeepable } from '../errors/state.js'
import type { StateCodec } from './table.js'

/** A value that a step keeps can't be encoded. */
class Unkeepable extends Error {
  readonly step: string

  constructor(step: string, cause: unknown) {
    super(reasonOf(cause), { cause })
    this.step = step
  }
}

/** What a step has kept can't be decoded. */
export class Unreadable extends Error {
  readonly step: string

  constructor(step: string, cause: unknown) {
    super(`step '${step}' can't read what it kept: ${reasonOf(cause)}`, { cause })
    this.step = step
  }
}

/** The same codec, whose failures say which step's value it was. */
export function codecOf<V>(step: string, codec: StateCodec<V>): StateCodec<V> {
  return {
    encode(value) {
      try {
        return codec.encode(value)
      } catch (error) {
        throw new Unkeepable(step, error)
      }
    },
    decode(bytes) {
      try {
        return codec.decode(bytes)
      } catch (error) {
        throw new Unreadable(step, error)
      }
    },
  }
}

/** Whatever `work` throws; `StateNotKeepable` where that is a step's value. */
export function keeping<R>(task: TaskAt, work: () => R): R {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Unkeepable)) throw error
    throw new StateNotKeepable({ ...task, step: error.step }, error.cause)
  }
}

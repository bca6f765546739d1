import { z } from 'zod'
import { checkSink } from './check-connectors.js'
import { deadLetterArgumentsOf } from './dead-letter-policy.js'
import type { OnError } from './blueprint.js'
import type { Fault } from './fault.js'
import { faultAt, faultsOf, functionSchema } from './faults-of.js'
import { deadLettersId } from './ids.js'

const optionsSchema = z.strictObject({ when: functionSchema.optional() }, 'must be an object')

/** The `onError` option as the engine reads it, with what is wrong with it; 'fail' where it is not given, or wrong. */
export function checkOnError(onError: unknown): [OnError, readonly Fault[]] {
  if (onError === undefined || onError === 'fail') return [{ kind: 'fail' }, []]
  if (onError === 'skip') return [{ kind: 'skip' }, []]
  const given = deadLetterArgumentsOf(onError)
  if (given === undefined) {
    return [{ kind: 'fail' }, [faultAt('onError', "must be 'fail', 'skip' or deadLetter(sink)", onError)]]
  }
  const [sink, wrongSink] = checkSink(given.sink, 'onError.sink')
  const faults = [...wrongSink, ...faultsOf(optionsSchema, given.options, 'onError')]
  if (sink === undefined || faults.length > 0) return [{ kind: 'fail' }, faults]
  return [{ kind: 'deadLetter', id: deadLettersId, sink, when: given.options.when ?? (() => true) }, []]
}

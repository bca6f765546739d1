import type { Fault } from '../../definition/fault.js'
import { parseBytes } from '../../units.js'
import { lineFaults } from '../lines/line-faults.js'
import { pathFault } from '../lines/line.js'

/** A general purpose bucket, or an access point's ARN. Directory buckets (`--x-s3`) don't list keys in their order. */
export const BUCKET = /^(?!.*--x-s3$)([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|arn:[^\s]+)$/
/** Leaves room for path and name in a key of 1,024 bytes. */
export const LONGEST_PREFIX = 512

/** What is wrong with the options of `s3Sink`. */
export const faultsOf = (options: object): readonly Fault[] =>
  lineFaults('s3Sink', options, ['bucket', 'prefix', 'objectSize'], ({ bucket, prefix, objectSize }, check) => {
    const named = typeof bucket === 'string' && BUCKET.test(bucket)
    check('bucket', named, 'must be the name of a general purpose bucket', bucket)
    const fault = prefix === undefined ? null : pathFault(prefix)
    check('prefix', fault === null, fault ?? '', prefix)
    const short = typeof prefix !== 'string' || Buffer.byteLength(prefix) <= LONGEST_PREFIX
    check('prefix', short, `must be at most ${LONGEST_PREFIX} bytes`, prefix)
    const bytes = parseBytes(objectSize ?? 1) ?? 0
    check('objectSize', bytes >= 1, "must be a size above zero, as '8 MiB'", objectSize)
  })

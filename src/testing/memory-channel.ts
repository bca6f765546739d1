import type { Channel, ChannelSpec } from '../definition/channel.js'
import { noHeaders } from '../definition/headers.js'
import type { SourceRecord } from '../definition/source.js'

const never = (): never => {
  throw new TypeError('what lies between two stages is in memory only in testPipeline')
}

/** What lies behind a memory source's `repartition`: its serdes. Everything else is what `testPipeline` puts in its place. */
export function memoryChannel({ key, value, timed }: ChannelSpec): Channel {
  const bytesOf = (given: unknown): Uint8Array => given as Uint8Array
  return {
    sink: {
      kind: 'memory',
      mode: 'transactional',
      describe: 'memory',
      encode: (output) => value.encode(output.value),
      open: never,
      inspect: never,
    },
    source: {
      kind: 'memory',
      replayable: true,
      internal: true,
      describe: 'memory',
      decode: (record) => value.decode(bytesOf(record.value), contextOf(record, false)),
      key: (record) => key.decode(bytesOf(record.key), contextOf(record, true)),
      channel: memoryChannel,
      ...(timed !== null && { senders: never }),
      partitions: never,
      bounds: never,
      open: never,
    },
  }
}

const contextOf = ({ headers = noHeaders }: SourceRecord<unknown>, isKey: boolean) => ({ topic: '', headers, isKey })

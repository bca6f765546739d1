import { type Message, type Protocol, Splitter } from './protocol.js'

/** Names of the requests that traps are set for, by API key, as Kafka's protocol guide has them. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  3: 'Metadata',
  8: 'OffsetCommit',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  18: 'ApiVersions',
  22: 'InitProducerId',
  24: 'AddPartitionsToTxn',
  25: 'AddOffsetsToTxn',
  26: 'EndTxn',
  28: 'TxnOffsetCommit',
}

/** Every frame begins with its length; a request's goes on with API key, version, correlation id and client id. */
const frameLength = (bytes: Buffer): number | null => (bytes.length < 4 ? null : 4 + bytes.readInt32BE(0))

export const kafkaProtocol: Protocol = () => {
  const requests = new Splitter(frameLength)
  const responses = new Splitter(frameLength)
  const asked = new Map<number, Pick<Message, 'name' | 'client'>>()
  const request = (bytes: Buffer): Message => {
    const key = bytes.readInt16BE(4)
    const length = bytes.readInt16BE(12)
    const client = length < 0 ? '' : bytes.toString('utf8', 14, 14 + length)
    const about = { name: NAMES[key] ?? `api-${key}`, client }
    asked.set(bytes.readInt32BE(8), about)
    return { bytes, ...about }
  }
  const response = (bytes: Buffer): Message => {
    const correlation = bytes.readInt32BE(4)
    const about = asked.get(correlation) ?? { name: '', client: '' }
    asked.delete(correlation)
    return { bytes, ...about }
  }
  return {
    messages: (side, chunk) =>
      side === 'request' ? [...requests.take(chunk)].map(request) : [...responses.take(chunk)].map(response),
  }
}

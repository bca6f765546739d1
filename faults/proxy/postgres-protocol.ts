import { type Message, type Protocol, Splitter } from './protocol.js'

const QUERY = 0x51
const PARSE = 0x50
const COMPLETE = 0x43

/** Messages are a letter and their length; only the first one of a client, which says who it is, has no letter. */
export const postgresProtocol: Protocol = () => {
  let client = ''
  let greeted = false
  const requests = new Splitter((bytes) => {
    if (bytes.length < 5) return null
    return greeted ? 1 + bytes.readInt32BE(1) : bytes.readInt32BE(0)
  })
  const responses = new Splitter((bytes) => (bytes.length < 5 ? null : 1 + bytes.readInt32BE(1)))
  const request = (bytes: Buffer): Message => {
    if (!greeted) {
      greeted = true
      client = /application_name\0([^\0]*)/.exec(bytes.toString('latin1'))?.[1] ?? ''
      return { bytes, name: '', client }
    }
    return { bytes, name: statementIn(bytes), client }
  }
  const response = (bytes: Buffer): Message => ({
    bytes,
    name: bytes[0] === COMPLETE ? firstWord(bytes.toString('latin1', 5, 40)) : '',
    client,
  })
  return {
    messages: (side, chunk) =>
      [...(side === 'request' ? requests.take(chunk) : responses.take(chunk))].map(
        side === 'request' ? request : response,
      ),
  }
}

/** The first word of a statement, in capitals: `COMMIT`, `INSERT`. */
function statementIn(bytes: Buffer): string {
  if (bytes[0] === QUERY) return firstWord(bytes.toString('latin1', 5, 60))
  if (bytes[0] !== PARSE) return ''
  // Before the statement comes the name that it is prepared under, mostly empty.
  return firstWord(bytes.toString('latin1', bytes.indexOf(0, 5) + 1, bytes.indexOf(0, 5) + 60))
}

const firstWord = (text: string): string => /^\s*([a-z]+)/i.exec(text)?.[1]?.toUpperCase() ?? ''

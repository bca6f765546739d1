import { type Message, type Protocol, Splitter } from './protocol.js'

/** The head of a request, as traps choose by it. */
export interface HttpRequest {
  readonly method: string
  /** Path and query, as they are sent. */
  readonly target: string
  /** By its name in small letters. */
  readonly headers: ReadonlyMap<string, string>
}

/** What a request is called, and who asks. */
export type AboutHttp = (request: HttpRequest) => Pick<Message, 'name' | 'client'>

/** HTTP/1.1 over connections that are kept: a message is a head with its body, by `content-length` or in chunks. */
export const httpProtocol =
  (about: AboutHttp): Protocol =>
  () => {
    /** Asked and not answered, oldest first: answers come in this order. */
    const asked: (HttpRequest & Pick<Message, 'name' | 'client'>)[] = []
    /** Bytes of a body whose head has gone ahead of it, and waits for leave to go on. */
    let behind: { readonly length: (bytes: Buffer, from: number) => number | null } | null = null
    let unframed = false

    const requests = new Splitter((bytes) => {
      if (behind !== null) return behind.length(bytes, 0)
      const end = headEnd(bytes)
      if (end === null) return null
      const { headers } = requestIn(bytes)
      return waits(headers) ? end : bodyEnd(headers)(bytes, end)
    })
    const responses = new Splitter((bytes) => {
      if (unframed) return bytes.length === 0 ? null : bytes.length
      const end = headEnd(bytes)
      if (end === null) return null
      const { status, headers } = responseIn(bytes)
      if (hasNoBody(status) || asked[0]?.method === 'HEAD') return end
      if (headers.has('content-length') || isChunked(headers)) return bodyEnd(headers)(bytes, end)
      // Until the server closes: from here on it comes as it comes.
      unframed = true
      return bytes.length
    })

    const request = (bytes: Buffer): Message => {
      if (behind !== null) {
        behind = null
        const { name, client } = asked.at(-1) ?? NOBODY
        return { bytes, name, client }
      }
      const head = requestIn(bytes)
      const { name, client } = about(head)
      asked.push({ ...head, name, client })
      if (!waits(head.headers)) return { bytes, name, client }
      // What is asked arrives with the body.
      behind = { length: bodyEnd(head.headers) }
      return { bytes, name: '', client }
    }
    const response = (bytes: Buffer): Message => {
      const interim = !unframed && responseIn(bytes).status < 200
      const { name, client } = (interim ? undefined : asked.shift()) ?? NOBODY
      return { bytes, name, client }
    }
    return {
      messages(side, chunk) {
        const messages: Message[] = []
        // One by one: what a message says changes how the next is cut.
        if (side === 'request') for (const bytes of requests.take(chunk)) messages.push(request(bytes))
        else for (const bytes of responses.take(chunk)) messages.push(response(bytes))
        return messages
      },
    }
  }

const NOBODY = { name: '', client: '' }
const HEAD_END = '\r\n\r\n'

/** Null: it isn't all there. */
function headEnd(bytes: Buffer): number | null {
  const at = bytes.indexOf(HEAD_END)
  return at < 0 ? null : at + HEAD_END.length
}

function requestIn(bytes: Buffer): HttpRequest {
  const { first, headers } = headIn(bytes)
  const [method = '', target = ''] = first.split(' ')
  return { method, target, headers }
}

function responseIn(bytes: Buffer): { readonly status: number; readonly headers: HttpRequest['headers'] } {
  const { first, headers } = headIn(bytes)
  return { status: Number(first.split(' ')[1]), headers }
}

function headIn(bytes: Buffer): { readonly first: string; readonly headers: HttpRequest['headers'] } {
  const [first = '', ...lines] = bytes.toString('latin1', 0, bytes.indexOf(HEAD_END)).split('\r\n')
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  return { first, headers: new Map(fields) }
}

const waits = (headers: HttpRequest['headers']): boolean => headers.get('expect')?.toLowerCase() === '100-continue'

const hasNoBody = (status: number): boolean => status < 200 || status === 204 || status === 304

const isChunked = (headers: HttpRequest['headers']): boolean =>
  /(^|,)\s*chunked\s*$/i.test(headers.get('transfer-encoding') ?? '')

/** Gives where a body ends that begins at `from`; null where too little of it is there to tell. */
function bodyEnd(headers: HttpRequest['headers']): (bytes: Buffer, from: number) => number | null {
  if (isChunked(headers)) return chunkedEnd
  const length = Number(headers.get('content-length') ?? 0)
  return (_, from) => from + length
}

function chunkedEnd(bytes: Buffer, from: number): number | null {
  for (let at = from; ;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return null
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (Number.isNaN(size)) throw new TypeError('a chunk without a size: this is no HTTP/1.1')
    at = line + 2
    if (size === 0) return trailerEnd(bytes, at)
    at += size + 2
  }
}

/** Behind the last chunk: fields, one a line, up to an empty line. */
function trailerEnd(bytes: Buffer, from: number): number | null {
  for (let at = from; ;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return null
    if (line === at) return at + 2
    at = line + 2
  }
}

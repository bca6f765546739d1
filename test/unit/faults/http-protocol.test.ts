import { expect, it } from 'vitest'
import { httpProtocol, type HttpRequest } from '../../../faults/proxy/http-protocol.js'
import type { Message, Side } from '../../../faults/proxy/protocol.js'

const about = ({ method, target, headers }: HttpRequest) => ({
  name: `${method} ${target}`,
  client: headers.get('user-agent') ?? '',
})

const PUT = 'PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nUser-Agent: worker-1\r\n\r\nabcde'
const GET = 'GET /b?c=d HTTP/1.1\r\nhost: x\r\n\r\n'
const HEAD = 'HEAD /a HTTP/1.1\r\nhost: x\r\n\r\n'
const CHUNKED_PUT =
  'PUT /c HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3;note=1\r\nabc\r\n5\r\n\r\n0\r\n\r\n0\r\nsum: 1\r\nmore: 2\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'
const EMPTY = 'HTTP/1.1 204 No Content\r\n\r\n'
/** As after a HEAD, or for what the client has: the length is told, and nothing of it comes. */
const UNSENT = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const UNCHANGED = 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

type Said = readonly [Side, string]
/** Side, name and bytes of a message. */
type Told = readonly [Side, string, string]

/** What one connection is cut into, if so many bytes come at once. */
function told(said: readonly Said[], atOnce: number): Told[] {
  const conversation = httpProtocol(about)()
  return said.flatMap(([side, text]) => {
    const bytes = Buffer.from(text, 'latin1')
    const messages: Message[] = []
    for (let at = 0; at < bytes.length; at += atOnce) {
      messages.push(...conversation.messages(side, bytes.subarray(at, at + atOnce)))
    }
    return messages.map((message): Told => [side, message.name, message.bytes.toString('latin1')])
  })
}

it.each([1, 3, 7, 1_000])(
  'cuts a kept connection into messages, and knows what is answered: %i bytes at once',
  (some) => {
    const said: Said[] = [
      ['request', PUT],
      ['response', OK],
      ['request', GET],
      ['response', CHUNKED],
      ['request', CHUNKED_PUT],
      ['response', EMPTY],
      ['request', HEAD],
      ['response', UNSENT],
      ['request', GET],
      ['response', UNCHANGED],
      ['request', PUT],
      ['response', OK],
    ]
    const names = ['PUT /a', 'GET /b?c=d', 'PUT /c', 'HEAD /a', 'GET /b?c=d', 'PUT /a'].flatMap((name) => [name, name])
    expect(told(said, some)).toEqual(said.map(([side, text], at) => [side, names[at], text]))
  },
)

it('answers requests that are sent at once in their order', () => {
  const said: Said[] = [
    ['request', PUT + GET + HEAD],
    ['response', OK + CHUNKED + UNSENT],
  ]
  expect(told(said, 1_000)).toEqual([
    ['request', 'PUT /a', PUT],
    ['request', 'GET /b?c=d', GET],
    ['request', 'HEAD /a', HEAD],
    ['response', 'PUT /a', OK],
    ['response', 'GET /b?c=d', CHUNKED],
    ['response', 'HEAD /a', UNSENT],
  ])
})

it.each([1, 1_000])(
  'lets a head go ahead whose body waits for leave; what is asked comes with the body: %i',
  (some) => {
    const head = 'PUT /d HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
    const said: Said[] = [
      ['request', head],
      ['response', CONTINUE],
      ['request', `abcde${GET}`],
      ['response', OK + CHUNKED],
    ]
    expect(told(said, some)).toEqual([
      ['request', '', head],
      ['response', '', CONTINUE],
      ['request', 'PUT /d', 'abcde'],
      ['request', 'GET /b?c=d', GET],
      ['response', 'PUT /d', OK],
      ['response', 'GET /b?c=d', CHUNKED],
    ])
  },
)

it('passes on what ends with its connection as it comes', () => {
  const endless = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
  const said: Said[] = [
    ['request', GET],
    ['response', `${endless}so`],
    ['response', 'me'],
  ]
  expect(told(said, 1_000).map(([, , text]) => text)).toEqual([GET, `${endless}so`, 'me'])
})

it('tells who asks, also of an answer', () => {
  const conversation = httpProtocol(about)()
  const all = [
    ...conversation.messages('request', Buffer.from(PUT)),
    ...conversation.messages('response', Buffer.from(OK)),
  ]
  expect(all.map(({ client }) => client)).toEqual(['worker-1', 'worker-1'])
})

import type { AboutHttp, HttpRequest } from '../proxy/http-protocol.js'
import { clientOf } from '../sinks/s3-requests.js'

/** What a request means to state in S3, by docs/state.md: method and key tell. Empty: nothing that is hit. */
export const stateRequest: AboutHttp = (request) => ({ name: nameOf(request), client: clientOf(request) })

function nameOf({ method, target }: HttpRequest): string {
  const { pathname, searchParams } = new URL(target, 'http://server')
  if (searchParams.has('prefix')) return 'list segments'
  if (!/\/[0-9a-f]{64}$/.test(pathname)) return ''
  if (method === 'PUT') return 'put segment'
  return method === 'GET' ? 'read segment' : ''
}

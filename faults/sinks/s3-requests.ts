import type { AboutHttp, HttpRequest } from '../proxy/http-protocol.js'

/** What a request means to the sink, by docs/s3.md: method and key tell. Empty: nothing that is hit. */
export const s3Request: AboutHttp = (request) => ({ name: nameOf(request), client: clientOf(request) })

function nameOf({ method, target }: HttpRequest): string {
  const { pathname, searchParams } = new URL(target, 'http://server')
  const listed = searchParams.get('prefix')
  const about = listed ?? decodeURIComponent(pathname)
  if (about.includes('/.tidemark/')) {
    if (!about.includes('/entries/')) return 'place'
    if (listed !== null) return 'list entries'
    // On whatever condition: the suite has to hit it too where the library forgets to ask for one.
    if (method === 'PUT') return 'create entry'
    return method === 'GET' ? 'read entry' : ''
  }
  if (listed !== null) return 'list objects'
  if (method === 'PUT') return 'put object'
  return method === 'DELETE' ? 'remove object' : ''
}

/** Workers tell their name to the AWS SDK as that of their application. */
export const clientOf = ({ headers }: HttpRequest): string =>
  / app\/(\S+)/.exec(headers.get('user-agent') ?? '')?.[1] ?? ''

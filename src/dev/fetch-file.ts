import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'

/** A host that doesn't answer, or a download that stands still this long, counts as failed. */
const SILENCE_MS = 15_000

/** Says why the request failed: `fetch` itself hides the reason in `cause`. */
async function get(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal, redirect: 'follow' }).catch((error: unknown) => {
    const cause = error instanceof Error ? error.cause : undefined
    throw new Error(`${url}: ${cause instanceof Error ? cause.message : String(error)}`, { cause: error })
  })
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`)
  return response
}

/** The JSON at `url`. Throws within 15 s if there is none. */
export async function fetchJson(url: string): Promise<unknown> {
  const response = await get(url, AbortSignal.timeout(SILENCE_MS))
  return response.json()
}

/** Writes what `url` serves to `file` and returns its hash in hex. */
export async function fetchFile(
  url: string,
  file: string,
  algorithm: 'sha256' | 'sha512',
  silenceMs = SILENCE_MS,
): Promise<string> {
  const abort = new AbortController()
  const silence = setTimeout(() => abort.abort(new Error(`${url}: silent for ${silenceMs / 1000} s`)), silenceMs)
  try {
    const { body } = await get(url, abort.signal)
    if (body === null) throw new Error(`${url}: nothing in the answer`)
    const hash = createHash(algorithm)
    await pipeline(
      Readable.fromWeb(body as ReadableStream<Uint8Array>),
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          silence.refresh()
          hash.update(chunk)
          yield chunk
        }
      },
      createWriteStream(file),
    )
    return hash.digest('hex')
  } finally {
    clearTimeout(silence)
  }
}

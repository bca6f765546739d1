import { z } from 'zod'

/** How a worker reaches one HTTP service: an entry of the plugin option `http`. What is secret belongs here. */
export interface HttpConnection {
  /**
   * Goes before a sink's `url` that begins with '/': `https://erp.example.org/api`. Without a query; a '/' at its end counts
   * once. An item whose own URL leads to another host is refused: `headers` are for this one.
   */
  readonly baseUrl?: string
  /** Sent with each request, over those of the sink: `{ authorization: 'Bearer …' }`. Never in history, logs or errors. */
  readonly headers?: Readonly<Record<string, string>>
}

const headers = z.record(
  z.string().regex(/^[!#$%&'*+.^`|~\w-]+$/, 'must be named as HTTP headers are'),
  z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line of latin-1 text'),
)

/** Checks an `HttpConnection`. Its messages never quote a value: there are secrets among them. */
export const httpConnectionSchema: z.ZodType<HttpConnection> = z.strictObject({
  baseUrl: z
    .string()
    .refine(isHttpUrl, 'must be a URL with http or https, and without credentials')
    .refine((text) => !/[?#]/.test(text), 'must be without a query: a path would become a part of it')
    .exactOptional(),
  headers: headers.exactOptional(),
})

/** Absolute, http or https, and without credentials: `fetch` takes no others. */
export function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

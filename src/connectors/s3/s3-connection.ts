import { z } from 'zod'
import { type Duration, parseDuration } from '../../units.js'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** When these end; a provider is asked again before that. */
  readonly expiration?: Date
}

/** How a worker reaches S3: the plugin option `s3`. All of it may be left out: then the AWS SDK looks where it always does. */
export interface S3Connection {
  /** URL of a server that isn't AWS's. */
  readonly endpoint?: string
  /** Default: as the AWS SDK finds it; `us-east-1` with an endpoint. */
  readonly region?: string
  /** `endpoint/bucket` instead of `bucket.endpoint`: what most servers other than AWS's need. Default false. */
  readonly forcePathStyle?: boolean
  /** Keys, or a function that gets some. Default: the AWS SDK's chain (environment, profile, role of the machine). */
  readonly credentials?: S3Credentials | (() => Promise<S3Credentials>)
  /** How long one request may take, the SDK's retries included, in ms or with a unit. Default: 30 s. */
  readonly requestTimeout?: Duration
}

/** Checks an `S3Connection`. Its messages never quote a value: there are secrets among them. */
export const s3ConnectionSchema: z.ZodType<S3Connection> = z.strictObject({
  endpoint: z.string().refine(isPlainUrl, 'must be an http or https URL without user and password').exactOptional(),
  region: z.string().min(1).exactOptional(),
  forcePathStyle: z.boolean().exactOptional(),
  credentials: z
    .union(
      [
        // Not strict: what the AWS SDK hands out as credentials has more than these.
        z.object({
          accessKeyId: z.string().min(1),
          secretAccessKey: z.string().min(1),
          sessionToken: z.string().min(1).exactOptional(),
          expiration: z.date().exactOptional(),
        }),
        z.custom<() => Promise<S3Credentials>>((value) => typeof value === 'function'),
      ],
      'must have accessKeyId and secretAccessKey, or be a function that gets them',
    )
    .exactOptional(),
  requestTimeout: z
    .custom<Duration>((value) => (parseDuration(value) ?? 0) > 0, 'must be a duration above zero, as 5000 (ms) or "5s"')
    .exactOptional(),
})

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

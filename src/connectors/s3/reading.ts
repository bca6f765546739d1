import type { Target } from '../ledger-chain/target.js'
import { pages, type Bucket } from './bucket.js'
import { sinkFailure } from './failure.js'
import { layoutOf, ledgerOrigin, type Layout } from './layout.js'
import { Ledger } from './ledger.js'
import type { S3Connection } from './s3-connection.js'
import { sdkBucket } from './sdk-bucket.js'

/** Where a sink writes, for whoever looks at it from outside. */
export interface S3Place {
  readonly bucket: string
  /** As given to `s3Sink`. Default: none. */
  readonly prefix?: string
  /** Default: what the AWS SDK finds by itself. */
  readonly connection?: S3Connection
}

export interface Outsider {
  readonly bucket: Bucket
  readonly layout: Layout
  /** What errors say: an outsider doesn't know which pipeline writes there. */
  readonly target: (ledger: string) => Target
}

export async function outsider({ bucket: name, prefix = '', connection = {} }: S3Place): Promise<Outsider> {
  const target = (ledger: string): Target => {
    const { stage, partition } = ledgerOrigin(ledger) ?? { stage: 'any', partition: -1 }
    return { at: { pipeline: 'any', stage, partition, sink: 's3' }, target: `s3://${name}/${prefix}` }
  }
  try {
    return { bucket: await sdkBucket(connection, name), layout: layoutOf(prefix), target }
  } catch (error) {
    throw sinkFailure(target(''), 'connect', error)
  }
}

/** The ledger of that name, whosever it is. */
export const ledgerOf = ({ bucket, layout, target }: Outsider, name: string): Ledger =>
  new Ledger(bucket, layout, name, null, target(name))

/** Names of the ledgers below the prefix, in their order. */
export async function* ledgerNames({ bucket, layout }: Outsider): AsyncGenerator<string> {
  const { hidden } = layout
  for (let after: string | undefined; ;) {
    const [key] = await bucket.list(hidden, { limit: 1, ...(after !== undefined && { after }) })
    if (key === undefined) return
    const [name = '', ...rest] = key.slice(hidden.length).split('/')
    if (rest.length > 0 && ledgerOrigin(name) !== null) yield name
    // Past all that is below it; what lies there by itself is passed one by one.
    after = rest.length > 0 ? `${hidden}${name}/~` : key
  }
}

/** Keys below the prefix that aren't the ledgers' own. */
export async function* outputKeys({ bucket, layout }: Outsider): AsyncGenerator<string> {
  for await (const keys of pages(bucket, layout.root)) {
    for (const key of keys) if (!key.startsWith(layout.hidden)) yield key
  }
}

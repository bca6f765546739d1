import { type SourcePlace, SourceUnsupported } from '../../errors/source.js'
import type { ApiVersions } from './broker-link.js'
import { type Api, apis, markOfKafka36 } from './protocol/request.js'

/** Throws SourceUnsupported for a broker of before Kafka 3.6, or one that no longer speaks what this library does. */
export function checkVersions(versions: ApiVersions, address: string, place: SourcePlace): void {
  const unmet = unmetVersion(versions, address, apis)
  if (unmet !== null) throw new SourceUnsupported({ ...place, ...unmet })
}

/** Of what these calls need, the first that the broker doesn't offer; null if it offers all. */
export function unmetVersion(
  versions: ApiVersions,
  address: string,
  calls: Readonly<Record<string, Api>>,
): { readonly needed: string; readonly found: string } | null {
  for (const { name, key, version } of [...Object.values(calls), markOfKafka36]) {
    const offered = versions[key]
    const old = offered === undefined || offered.maxVersion < version
    const isMark = key === markOfKafka36.key && version === markOfKafka36.version
    const dropped = offered !== undefined && offered.minVersion > version && !isMark
    if (!old && !dropped) continue
    const range = offered === undefined ? 'none' : `${offered.minVersion} to ${offered.maxVersion}`
    const needed = `${old ? 'Kafka 3.6 or later: ' : ''}${name} version ${version}`
    return { needed, found: `${range} at ${address}` }
  }
  return null
}

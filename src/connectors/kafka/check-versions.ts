import { type SourcePlace, SourceUnsupported } from '../../errors/source.js'
import type { ApiVersions } from './broker-link.js'
import { apis, markOfKafka36 } from './protocol/request.js'

/** Throws SourceUnsupported for a broker of before Kafka 3.6, or one that no longer speaks what this library does. */
export function checkVersions(versions: ApiVersions, address: string, place: SourcePlace): void {
  for (const { name, key, version } of [...Object.values(apis), markOfKafka36]) {
    const offered = versions[key]
    const old = offered === undefined || offered.maxVersion < version
    const dropped = offered !== undefined && offered.minVersion > version && key !== markOfKafka36.key
    if (!old && !dropped) continue
    const range = offered === undefined ? 'none' : `${offered.minVersion} to ${offered.maxVersion}`
    const needed = `${old ? 'Kafka 3.6 or later: ' : ''}${name} version ${version}`
    throw new SourceUnsupported({ ...place, needed, found: `${range} at ${address}` })
  }
}

import { type KafkaRequest, sinkApis, type Throttled } from './request.js'
import { WireReader } from './wire-reader.js'
import { WireWriter } from './wire-writer.js'

export type CoordinatorKind = 'group' | 'transaction'

export interface CoordinatorAnswer extends Throttled {
  readonly errorCode: number
  /** `host:port` */
  readonly address: string
}

/** Asks any broker which one coordinates a group or a transactional id. */
export function findCoordinatorRequest(kind: CoordinatorKind, key: string): KafkaRequest<CoordinatorAnswer> {
  const body = new WireWriter().string(key).int8(kind === 'group' ? 0 : 1)
  return { api: sinkApis.findCoordinator, body: body.bytes(), read: readCoordinator }
}

function readCoordinator(body: Buffer): CoordinatorAnswer {
  const reader = new WireReader(body)
  const throttleMs = reader.int32()
  const errorCode = reader.int16()
  reader.nullableString() // error_message
  reader.int32() // node_id
  const host = reader.string()
  return { throttleMs, errorCode, address: `${host}:${reader.int32()}` }
}

import type { Client } from '@temporalio/client'
import { defaultDataConverter, type Payload, type PayloadCodec } from '@temporalio/common'
import type { HistoryEvent } from '../../../src/control/task-history.js'
import type { TaskState } from '../../../src/protocol/task.js'

/** What users' codecs do, reversed. */
export const flipping: PayloadCodec = {
  encode: async (payloads) => payloads.map(flipped),
  decode: async (payloads) => payloads.map(flipped),
}
const flipped = (payload: Payload): Payload => ({
  ...payload,
  data: Uint8Array.from(payload.data ?? [], (byte) => byte ^ 0xff),
})

export const clientWith = (payloadCodecs: readonly PayloadCodec[]): Client => {
  const loadedDataConverter = {
    ...defaultDataConverter,
    payloadConverter: defaultDataConverter.payloadConverter,
    payloadCodecs,
  }
  return { options: { loadedDataConverter } } as unknown as Client
}

/** A history, event by event, as a server tells it. */
export class History {
  readonly events: HistoryEvent[] = []
  private readonly codec: PayloadCodec | null

  constructor(codec: PayloadCodec | null = null) {
    this.codec = codec
  }

  started(state: TaskState): this {
    return this.add({ workflowExecutionStartedEventAttributes: { input: { payloads: this.payloads(state) } } })
  }

  scheduled(type: string, input: unknown): this {
    const attributes = { activityType: { name: type }, input: { payloads: this.payloads(input) } }
    return this.add({ activityTaskScheduledEventAttributes: attributes })
  }

  /** The activity scheduled so many events ago. */
  completed(ago: number, result: unknown): this {
    const scheduledEventId = this.events.length + 1 - ago
    const attributes = { scheduledEventId, result: { payloads: this.payloads(result) } }
    return this.add({ activityTaskCompletedEventAttributes: attributes } as unknown as Partial<HistoryEvent>)
  }

  failed(ago: number): this {
    const attributes = { scheduledEventId: this.events.length + 1 - ago }
    return this.add({ activityTaskFailedEventAttributes: attributes } as unknown as Partial<HistoryEvent>)
  }

  ended(state: TaskState): this {
    return this.add({ workflowExecutionCompletedEventAttributes: { result: { payloads: this.payloads(state) } } })
  }

  other(): this {
    return this.add({})
  }

  private add(attributes: Partial<HistoryEvent>): this {
    this.events.push({ eventId: this.events.length + 1, ...attributes } as unknown as HistoryEvent)
    return this
  }

  private payloads(value: unknown): Payload[] {
    const payload = defaultDataConverter.payloadConverter.toPayload(value)
    return [this.codec === null ? payload : flipped(payload)]
  }
}

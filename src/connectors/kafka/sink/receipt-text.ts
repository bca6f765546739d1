import { receiptSchema } from '../../../definition/receipt-schema.js'
import type { Receipt } from '../../../definition/sink.js'

const HEAD = 'tidemark/1'

/** A receipt as the metadata of a committed offset: brokers take 4,096 characters. */
export function receiptText(receipt: Receipt, mark: string): string {
  return `${HEAD} ${mark} ${JSON.stringify(receipt)}`
}

/** Reads it back. A text says what is found instead, as in "found in …". */
export function parseReceipt(text: string, mark: string, offset: number): Receipt | string {
  const parts = /^tidemark\/1 ([0-9a-f]+) (.*)$/s.exec(text)
  if (parts === null) return text === '' ? `offset ${offset} without a receipt` : `offset ${offset} with other metadata`
  const [, found, json = ''] = parts
  if (found !== mark) return "another pipeline's receipt"
  const parsed = receiptSchema.safeParse(parse(json))
  if (!parsed.success) return `a damaged receipt (${parsed.error.issues[0]?.path.join('.') ?? ''})`
  if (parsed.data.seq !== offset) return `offset ${offset} with the receipt of commit ${parsed.data.seq}`
  return parsed.data
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

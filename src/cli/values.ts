import { InvalidArgumentError } from 'commander'
import type { RewindTo } from '../client/rewind.js'
import type { StartAt } from '../definition/source.js'
import { idFault } from '../definition/ids.js'
import { type Duration, parseDuration } from '../units.js'

/** Values of options and arguments. Each throws commander's error for a bad one: wrong usage, told at once. */

export function pipelineName(text: string): string {
  const fault = idFault(text, 'kebab')
  if (fault !== undefined) throw new InvalidArgumentError(`A pipeline's name ${fault}.`)
  return text
}

export function filledText(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return text.trim()
}

export function partitionNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It has to be a partition number, from 0.')
  return Number(text)
}

export function positiveNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number above 0.')
  return Number(text)
}

export function portNumber(text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('It has to be a port number, 1 to 65535.')
  }
  return port
}

export function duration(text: string): Duration {
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text)
  if (ms === null || ms <= 0) throw new InvalidArgumentError("It has to be a duration, as '30s' or '5 minutes'.")
  return ms
}

export function hostPort(text: string): string {
  if (!/^[^\s:/]+:\d{1,5}$/.test(text.trim())) throw new InvalidArgumentError('It has to be host:port.')
  return text.trim()
}

export function hostPorts(text: string): string[] {
  return text.split(',').map(hostPort)
}

export function untilLatest(text: string): 'latest' {
  if (text !== 'latest') throw new InvalidArgumentError("It can be 'latest' only.")
  return text
}

/** What `rewindTo` takes, in the help of options. */
export const WHICH_CHECKPOINT =
  "epoch as 45, 2/45 of generation 2; a time: the newest checkpoint by then; or a savepoint's label"

/** `45`, `2/45` of generation 2, a time with its zone, or the label of a savepoint. */
export function rewindTo(text: string): RewindTo {
  if (/^[\d/]+$/.test(text.trim())) {
    const { generation, epoch } = epochName(text)
    return generation === null ? { epoch } : { epoch, generation }
  }
  const time = timeOf(text)
  if (time !== null) return { time }
  // Labels begin with a letter.
  if (idFault(text.trim(), 'kebab') === undefined) return { savepoint: text.trim() }
  throw new InvalidArgumentError(
    "It has to be an epoch as 45, or 2/45 of generation 2, a time with its zone as 2026-01-31T08:00:00Z, or a savepoint's label.",
  )
}

export function savepointLabel(text: string): string {
  const fault = idFault(text, 'kebab')
  if (fault !== undefined) throw new InvalidArgumentError(`A savepoint's label ${fault}.`)
  return text
}

export interface EpochName {
  readonly generation: number | null
  readonly epoch: number
}

/** `45`, or `2/45` of generation 2. */
export function epochName(text: string): EpochName {
  const [, generation, epoch] = /^(?:(\d{1,9})\/)?(\d{1,9})$/.exec(text.trim()) ?? []
  if (epoch === undefined) throw new InvalidArgumentError('It has to be an epoch as 45, or 2/45 of generation 2.')
  return { generation: generation === undefined ? null : Number(generation), epoch: Number(epoch) }
}

export interface EpochRange {
  readonly generation: number | null
  readonly from: number
  readonly to: number | null
}

/** `12..40`, `12..` up to the newest, `12` alone; `2/12..40` of generation 2. */
export function epochRange(text: string): EpochRange {
  const [, generation, from, dots, to] = /^(?:(\d{1,9})\/)?(\d{1,9})(\.\.)?(\d{1,9})?$/.exec(text.trim()) ?? []
  const first = Number(from)
  const last = dots === undefined ? first : to === undefined ? null : Number(to)
  const wrong =
    from === undefined || first < 1 || (last !== null && last < first) || (dots === undefined && to !== undefined)
  if (wrong) throw new InvalidArgumentError('It has to be epochs as 12..40, 12.. or 12; of generation 2: 2/12..40.')
  return { generation: generation === undefined ? null : Number(generation), from: first, to: last }
}

const FROM =
  'It has to be earliest, latest, a time with its zone as 2026-01-31T08:00:00Z, or offsets as 0=120,1=98 or \'{"0":"120"}\'.'

/** `earliest`, `latest`, an ISO 8601 time, or offsets by partition. */
export function startAt(text: string): StartAt {
  if (text === 'earliest' || text === 'latest') return text
  const offsets = text.trimStart().startsWith('{') ? offsetsInJson(text) : offsetsInPairs(text)
  if (offsets !== null) return { offsets }
  const timestamp = timeOf(text)
  if (timestamp === null) throw new InvalidArgumentError(FROM)
  return { timestamp }
}

function timeOf(text: string): Date | null {
  // Without a zone the same text would be another time on another machine.
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return null
  const time = new Date(text)
  const day = text.slice(0, 10)
  // JavaScript takes 30 February for 2 March.
  return Number.isNaN(time.getTime()) || !new Date(day).toISOString().startsWith(day) ? null : time
}

function offsetsInPairs(text: string): Record<number, string> | null {
  const pairs = text.split(',').map((pair) => /^\s*(\d{1,9})\s*=\s*(\d{1,19})\s*$/.exec(pair))
  const offsets: Record<number, string> = {}
  for (const pair of pairs) {
    if (pair === null) return null
    offsets[Number(pair[1])] = String(pair[2])
  }
  return offsets
}

function offsetsInJson(text: string): Record<number, string> {
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(FROM)
  }
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : []
  const right = entries.every(([partition, at]) => /^\d{1,9}$/.test(partition) && /^\d{1,19}$/.test(String(at)))
  if (entries.length === 0 || !right) throw new InvalidArgumentError(FROM)
  return Object.fromEntries(entries.map(([partition, at]) => [Number(partition), String(at)]))
}

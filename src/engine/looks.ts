import { plainJson } from '../definition/plain-json.js'
import { InvalidCommand } from '../errors/control.js'
import { SessionLost } from '../errors/ownership.js'
import type { LookInput, LookResult, StateEntry } from '../protocol/look.js'
import { lookAt } from '../state/look.js'
import type { Session } from './session.js'

/** An answer travels through a workflow's history: larger ones are cut. */
const MOST_BYTES = 256 * 1024

/** Questions about a session's state are answered between two slices of records, when it is what its positions say. */
export class Looks {
  private slicing = false
  private waiting: { readonly answer: () => void; readonly refuse: () => void }[] = []

  async during<T>(slice: () => Promise<T>): Promise<T> {
    this.slicing = true
    let done = false
    try {
      const result = await slice()
      done = true
      return result
    } finally {
      this.slicing = false
      const { waiting } = this
      this.waiting = []
      // One that failed left a record half done, and ends its session.
      for (const { answer, refuse } of waiting) {
        if (done) answer()
        else refuse()
      }
    }
  }

  /** Throws `InvalidCommand` where that step keeps no state, `SessionLost` where the session ends before it can tell. */
  at(session: Session, input: LookInput): Promise<LookResult> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(lost(session, 'it ended meanwhile'))
      const answer = (): void => {
        try {
          resolve(look(session, input))
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      if (session.closed) reject(lost(session, 'it was closed'))
      else if (this.slicing) this.waiting.push({ answer, refuse })
      else answer()
    })
  }
}

function lost({ claim }: Session, reason: string): SessionLost {
  const { pipeline, stage, partition } = claim
  return new SessionLost({ pipeline, stage, partition, worker: null, reason })
}

function look(session: Session, { pipeline, stage, step, key, limit }: LookInput): LookResult {
  const { states, positions, claim, time } = session
  if (states.versions[step] === undefined) {
    const others = Object.keys(states.versions).join(', ') || 'none does'
    const reason = `step '${step}' keeps no state in stage '${stage}'; these do: ${others}`
    throw new InvalidCommand({ command: 'state', pipeline, reason })
  }
  const seen = lookAt(states, { step, limit, ...(key !== undefined && { key }) })
  const entries: StateEntry[] = []
  let bytes = 0
  let cut = false
  for (const { value, ...entry } of seen.entries) {
    const shown = { ...entry, value: plainJson(value) }
    bytes += Buffer.byteLength(JSON.stringify(shown))
    cut = bytes > MOST_BYTES
    if (cut) break
    entries.push(shown)
  }
  return {
    generation: claim.owner.generation,
    epoch: session.recordedEpoch,
    positions,
    watermark: time.watermark,
    count: seen.count,
    entries,
    ...(cut && { cut }),
  }
}

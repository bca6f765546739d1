import type { Client } from '@temporalio/client'
import { type EpochRange, recordedEpochs, type TaskRef } from '../control/recorded-epochs.js'
import type { RecordedEpoch } from '../control/task-history.js'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { isDeterministic } from '../definition/ledgers.js'
import type { EngineHost } from '../engine/host.js'
import { OutputItem } from '../engine/outlet.js'
import { InvalidCommand } from '../errors/control.js'
import type { Seen } from './muted.js'
import { Rerun } from './rerun.js'

/** Code of one pipeline's stage, and what its process gives it. */
export interface Code {
  readonly host: EngineHost
  readonly blueprint: Blueprint
  readonly stage: Stage
}

export interface Shadowing {
  readonly client: Client
  /** The code that is to be. */
  readonly code: Code
  /** The code that it is compared with. */
  readonly against: Code
  readonly task: TaskRef
  readonly range: EpochRange
  /** The new code may lack steps that kept state. Default false. */
  readonly allowNonRestoredState?: boolean
}

/** One output that isn't the same. */
export interface OutputChange {
  readonly epoch: number
  readonly sink: string
  /** The item's id: `pipeline/stage/source-partition-position-index`. */
  readonly id: string
  /** As it is written; null: there was none, or there is none now. */
  readonly was: string | null
  readonly is: string | null
}

/** How the outputs of one task differ. */
export interface Shadow extends TaskRef {
  readonly generation: number
  /** Epochs that were executed; 0: the task hasn't come so far. */
  readonly epochs: number
  readonly from: number | null
  readonly to: number | null
  readonly records: number
  readonly same: number
  readonly changed: number
  readonly added: number
  readonly removed: number
  /** The first of those that aren't the same. */
  readonly examples: readonly OutputChange[]
}

const EXAMPLES = 20
/** Longer outputs are cut in examples, in characters. */
const SHOWN = 500

/**
 * Executes recorded epochs with two codes side by side, each from the same checkpoint with its state, both muted, and
 * compares their outputs one by one. Nothing is written anywhere. Throws as `verifyTask` does.
 */
export async function shadowTask({ client, code, against, task, range, ...options }: Shadowing): Promise<Shadow> {
  for (const { blueprint, stage } of [code, against]) refuseWhatCannotBe(blueprint, stage)
  const { generation, epochs } = await recordedEpochs(client, code.blueprint.name, task, range)
  const [first] = epochs
  const tally = new Tally()
  if (first !== undefined) {
    const [before, now] = [new Outputs(), new Outputs()]
    const old = await opened(against, first, { seen: before.seen })
    try {
      const { allowNonRestoredState = false } = options
      const next = await opened(code, first, { seen: now.seen, allowNonRestoredState })
      try {
        for (const epoch of epochs) {
          await old.epoch(epoch)
          await next.epoch(epoch)
          tally.compare(epoch.result.epoch, before.take(), now.take())
        }
      } finally {
        await next.close()
      }
    } finally {
      await old.close()
    }
  }
  const { same, changed, added, removed, examples } = tally
  return {
    ...task,
    generation,
    epochs: epochs.length,
    from: first?.result.epoch ?? null,
    to: epochs.at(-1)?.result.epoch ?? null,
    records: epochs.reduce((sum, { result }) => sum + result.read, 0),
    same,
    changed,
    added,
    removed,
    examples,
  }
}

function refuseWhatCannotBe({ name }: Blueprint, stage: Stage): void {
  const refuse = (reason: string): never => {
    throw new InvalidCommand({ command: 'shadow', pipeline: name, reason: `stage '${stage.id}' ${reason}` })
  }
  if (!isDeterministic(stage)) refuse('has a step that is not deterministic: what it gave can not be given again')
  if (stage.sinks.every(({ sink }) => sink.mode !== 'transactional')) refuse('has no sink with a ledger')
}

function opened(
  { host, blueprint, stage }: Code,
  first: RecordedEpoch,
  options: { readonly seen: Seen; readonly allowNonRestoredState?: boolean },
): Promise<Rerun> {
  return Rerun.open(host, blueprint, stage, first, { accepts: true, ...options })
}

interface Output {
  readonly sink: string
  readonly id: string
  readonly text: string
}

/** What one code has given since it was last asked, by sink and id. */
class Outputs {
  private outputs = new Map<string, Output>()

  readonly seen: Seen = (items) => {
    for (const item of items) {
      const { sink, id } = item
      const text = item instanceof OutputItem ? Buffer.from(item.toBytes()).toString() : ''
      this.outputs.set(`${sink} ${id}`, { sink, id, text })
    }
  }

  take(): ReadonlyMap<string, Output> {
    const taken = this.outputs
    this.outputs = new Map()
    return taken
  }
}

class Tally {
  same = 0
  changed = 0
  added = 0
  removed = 0
  readonly examples: OutputChange[] = []

  compare(epoch: number, before: ReadonlyMap<string, Output>, now: ReadonlyMap<string, Output>): void {
    for (const [key, was] of before) {
      const is = now.get(key)
      if (is?.text === was.text) this.same++
      else {
        if (is === undefined) this.removed++
        else this.changed++
        this.note({ epoch, sink: was.sink, id: was.id, was: was.text, is: is?.text ?? null })
      }
    }
    for (const [key, is] of now) {
      if (before.has(key)) continue
      this.added++
      this.note({ epoch, sink: is.sink, id: is.id, was: null, is: is.text })
    }
  }

  private note(change: OutputChange): void {
    if (this.examples.length >= EXAMPLES) return
    const { was, is } = change
    this.examples.push({ ...change, was: was?.slice(0, SHOWN) ?? null, is: is?.slice(0, SHOWN) ?? null })
  }
}

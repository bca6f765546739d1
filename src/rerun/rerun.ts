import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { RecordedEpoch } from '../control/task-history.js'
import { CatchUp } from '../engine/catch-up.js'
import type { EngineHost } from '../engine/host.js'
import { Session } from '../engine/session.js'
import type { Owner } from '../definition/sink.js'
import { muted, type Seen } from './muted.js'

export interface RerunOptions {
  /** Whatever the outputs are: they aren't compared with recorded digests. Default false. */
  readonly accepts?: boolean
  /** With `accepts`: is given all outputs, epoch by epoch. */
  readonly seen?: Seen
  readonly allowNonRestoredState?: boolean
}

const NEVER_MS = 2 ** 31 - 1

/**
 * Epochs of one task executed once more, one after the other, from the checkpoint before the first of them: as after a
 * crash (PROTOCOL §3), but that what is ahead of the checkpoint is told by history and not by ledgers. Nothing is written.
 */
export class Rerun {
  private readonly session: Session
  private readonly owner: Owner
  private readonly accepts: boolean

  private constructor(session: Session, accepts: boolean) {
    this.session = session
    this.owner = session.owner
    this.accepts = accepts
  }

  /** Restores the state before `first`. Throws what a claim throws: `PlanIncompatible`, `SourceChanged`, `StateCorrupt` … */
  static async open(
    host: EngineHost,
    blueprint: Blueprint,
    stage: Stage,
    first: RecordedEpoch,
    { accepts = false, seen, allowNonRestoredState }: RerunOptions = {},
  ): Promise<Rerun> {
    const { pipeline, partition, origin, checkpoint, generation, incarnation, channel } = first.before
    const still = muted(blueprint, seen)
    const own = still.stages.find(({ id }) => id === stage.id) ?? stage
    const session = await Session.open(host, still, own, {
      pipeline,
      stage: stage.id,
      partition,
      owner: { generation, incarnation, claim: 0, runId: 'rerun' },
      origin,
      checkpoint,
      scheduled: null,
      acceptCodeChange: false,
      ...(allowNonRestoredState === true && { allowNonRestoredState }),
      isReset: false,
      ...(channel !== undefined && { channel }),
      heartbeatMs: NEVER_MS,
    })
    return new Rerun(session, accepts)
  }

  /** Ledgers whose digests are compared. */
  get ledgers(): readonly string[] {
    return this.session.ledgers.map(({ id }) => id)
  }

  /**
   * Executes the next epoch up to where it ended then. Throws `NonDeterministicStep` where a ledger's digest is another
   * than the recorded one, `SourceChanged` where records are gone; then it is good for `close` only.
   */
  async epoch({ input, result, before, after }: RecordedEpoch): Promise<void> {
    const { session } = this
    const { order, ledgers, emitters } = session
    const { fingerprint } = session.claim
    for (const ledger of ledgers) {
      const mark = after.checkpoint.ledgers[ledger.id]
      ledger.ahead =
        mark === undefined
          ? null
          : {
              positions: after.checkpoint.positions,
              digest: mark.digest,
              // Whatever it was then: a mismatch is a mismatch.
              fingerprint: this.accepts ? `not ${fingerprint}` : fingerprint,
              rejections: [],
              timers: true,
              ended: result.ended === 'until' || result.closed === true,
            }
    }
    const { epoch, time, seed } = input
    session.catchUp = new CatchUp({
      claim: { ...session.claim, checkpoint: before.checkpoint, scheduled: { epoch, time, seed } },
      order,
      furthest: after.checkpoint.positions,
      ledgers,
      emitters,
      acceptCodeChange: this.accepts,
      adopts: false,
    })
    // What other code gives is looked at: it is held back until the epoch's end, and then given to `seen`.
    if (this.accepts) for (const ledger of ledgers) ledger.phase = 'held'
    const clocks = { checkpointMs: NEVER_MS, idleMs: NEVER_MS, heartbeatMs: NEVER_MS }
    await session.run({ ...input, owner: this.owner, until: null, ...clocks })
  }

  async close(): Promise<void> {
    await this.session.close()
  }
}

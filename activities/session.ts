import { blueprintIn, stageIn, type WorkerContext } from '../src/control/worker-context.js'
import { stepMarks } from '../src/definition/fingerprint.js'
import { Session } from '../src/engine/session.js'
import type { TaskKey } from '../src/engine/registry.js'
import { SessionLost } from '../src/errors/ownership.js'
import type { ClaimInput, ClaimResult, EpochInput, EpochResult, SessionInput } from '../src/protocol/epoch.js'
import type { LookInput, LookResult } from '../src/protocol/look.js'
import { ACTIVITY } from '../src/protocol/names.js'
import { asActivity } from './failure.js'
import { whileBeating } from './heartbeat.js'

/** `claim` on the claims queue; the others on the queue of the process that has the session. */
export interface SessionActivities {
  readonly [ACTIVITY.claim]: (input: ClaimInput) => Promise<ClaimResult>
  readonly [ACTIVITY.runEpoch]: (input: EpochInput) => Promise<EpochResult>
  readonly [ACTIVITY.interrupt]: (input: SessionInput) => Promise<void>
  readonly [ACTIVITY.release]: (input: SessionInput) => Promise<void>
  readonly [ACTIVITY.look]: (input: LookInput) => Promise<LookResult>
}

export function sessionActivities(context: WorkerContext): SessionActivities {
  const { registry, engine } = context
  const here = (task: TaskKey): Session => {
    const session = registry.find(task)
    if (session !== undefined) return session
    const { pipeline, stage, partition } = task
    throw new SessionLost({ pipeline, stage, partition, worker: context.identity, reason: 'there is none here' })
  }
  return {
    [ACTIVITY.claim]: asActivity(async (input) => {
      const blueprint = blueprintIn(context, input.pipeline)
      const stage = stageIn(blueprint, input.stage)
      const open = (): Promise<Session> => Session.open(engine, blueprint, stage, input)
      const session = await whileBeating(context, input.heartbeatMs, () => registry.claim(input, input.owner, open))
      return {
        queue: context.processQueue,
        worker: context.identity,
        furthest: session.catchUp.furthest,
        ledgers: Object.fromEntries(session.ledgers.map((ledger) => [ledger.id, ledger.mark])),
        identities: session.identities,
        steps: stepMarks(stage),
        guarded: true,
      }
    }),

    [ACTIVITY.runEpoch]: asActivity(async (input) => {
      const session = here(input)
      return await whileBeating(
        context,
        input.heartbeatMs,
        () => session.run(input),
        (reason) => {
          if (reason !== 'lost') return session.interrupt(reason, input.epoch)
          const { pipeline, stage, partition, epoch } = input
          const at = { pipeline, stage, partition, epoch }
          engine.log.warn('SessionLost: Temporal has given up an epoch that is under way here', at)
          void session.close()
        },
      )
    }),

    [ACTIVITY.interrupt]: asActivity(async (input) => {
      registry.find(input)?.interrupt('interrupted', input.epoch)
    }),

    [ACTIVITY.look]: asActivity((input) => here(input).look(input)),

    [ACTIVITY.release]: asActivity((input) => registry.release(input, input.owner, input.epoch)),
  }
}

import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import { isDeterministic, keepsAnswers } from '../definition/ledgers.js'
import type { Positions } from '../definition/position.js'
import type { ClaimInput } from '../protocol/epoch.js'
import type { Answers } from './answers.js'
import { CatchUp } from './catch-up.js'
import { codeFingerprint } from './code-fingerprint.js'
import type { EngineHost } from './host.js'
import { compareOf, type OpenSource } from './input.js'
import { openAnswers } from './open-answers.js'
import { openOutlets, sinksOf } from './open-ledgers.js'
import { openSources } from './open-sources.js'
import { adoptedPosition, type Claim, furthestOf } from './recovery.js'
import { factsOf, type SourceFacts } from './source-facts.js'
import type { Order } from './vectors.js'

type Outlets = Awaited<ReturnType<typeof openOutlets>>

/** What a session is made of. */
export interface SessionParts extends Outlets {
  readonly host: EngineHost
  readonly blueprint: Blueprint
  readonly stage: Stage
  readonly claim: Claim
  /** Where to go on: the checkpoint's, unless what the ledger holds is adopted. */
  readonly positions: Positions
  readonly adopted: boolean
  readonly order: Order
  readonly sources: readonly OpenSource[]
  readonly catchUp: CatchUp
  readonly facts: SourceFacts
  readonly answers: Answers | null
  readonly abort: AbortController
}

/** Fences, reads receipts, judges them, opens the sources (PROTOCOL §2). */
export async function openSession(
  host: EngineHost,
  blueprint: Blueprint,
  stage: Stage,
  input: ClaimInput,
): Promise<SessionParts> {
  const claim: Claim = { ...input, fingerprint: codeFingerprint(blueprint, host.buildId) }
  if (stage.sources.length === 0) throw new TypeError(`stage '${stage.id}' has no source`)
  const abort = new AbortController()
  const { signal } = abort
  const outlets = await openOutlets(host, blueprint, sinksOf(blueprint, stage), claim, signal)
  let answers: Answers | null = null
  try {
    const order = Object.fromEntries(stage.sources.map(({ id, source }) => [id, compareOf(source)]))
    const checkpoint = claim.checkpoint.positions
    const ahead = outlets.ledgers.map((ledger) => ledger.ahead)
    const furthest = furthestOf(ahead, checkpoint, order)
    const keeps = keepsAnswers(stage, blueprint)
    const adopted = adoptedPosition(isDeterministic(stage) || keeps, furthest)
    const catchUp = new CatchUp({
      claim,
      order,
      furthest,
      ledgers: outlets.ledgers,
      emitters: outlets.emitters,
      acceptCodeChange: input.acceptCodeChange,
      adopts: adopted !== null,
    })
    const positions = adopted === null ? checkpoint : { ...checkpoint, ...adopted }
    // What is adopted need not be readable any more.
    const strictUntil = adopted === null && catchUp.active ? furthest : null
    const facts = await factsOf(stage, {
      pipeline: claim.pipeline,
      namespace: host.namespace,
      signal,
      connection: host.connection,
      ...(claim.channel !== undefined && { channel: claim.channel }),
    })
    // A receipt that is not ahead of the checkpoint is of an epoch that is recorded.
    const stale = outlets.ledgers.flatMap(({ ahead: of, head }) => (of === null ? (head.answers ?? []) : []))
    answers = keeps ? await openAnswers(host, blueprint, claim, { ahead, stale }, signal) : null
    const sources = await openSources(stage.sources, { host, claim, positions, strictUntil, signal })
    const adopts = adopted !== null
    const place = { positions, adopted: adopts, order }
    return { host, blueprint, stage, claim, ...outlets, ...place, sources, catchUp, facts, abort, answers }
  } catch (error) {
    const opened = [...outlets.ledgers, ...outlets.emitters, ...(answers === null ? [] : [answers])]
    await Promise.allSettled(opened.map((one) => one.close()))
    throw error
  }
}

/**
 * The library with one rule broken: each function gets the exports of a module and returns what takes the place of some.
 * rules.ts says which module, which exports, and what the rule is.
 */
import type { Positions } from '../../src/definition/position.js'
import type * as catchUpModule from '../../src/engine/catch-up.js'
import { ChainedDigest } from '../../src/engine/digest.js'
import type * as ledgersModule from '../../src/definition/ledgers.js'
import type { Input } from '../../src/engine/input.js'
import type * as answersModule from '../../src/engine/answers.js'
import type * as commitModule from '../../src/engine/commit.js'
import type * as ledgerModule from '../../src/engine/ledger.js'
import type * as ownerModule from '../../src/engine/owner.js'
import type * as recoveryModule from '../../src/engine/recovery.js'
import type * as refusalsModule from '../../src/engine/refusals.js'
import type * as registryModule from '../../src/engine/registry.js'
import type * as passageModule from '../../src/engine/passage.js'
import type * as sessionModule from '../../src/engine/session.js'
import type * as turnsModule from '../../src/engine/turns.js'
import type * as vectorsModule from '../../src/engine/vectors.js'
import type * as blobModule from '../../src/state/blob.js'
import type * as inlineModule from '../../src/state/inline-state.js'
import type { StateChange } from '../../src/protocol/checkpoint.js'
import type * as epochModule from '../../src/protocol/epoch.js'
import type * as historyModule from '../../src/control/task-history.js'

type Recovery = typeof recoveryModule
type CatchUps = typeof catchUpModule
type Registries = typeof registryModule
type Ledgers = typeof ledgerModule
type Refusing = typeof refusalsModule
type Committing = typeof commitModule
type Owners = typeof ownerModule
type Turning = typeof turnsModule
type LedgerOptions = ConstructorParameters<typeof ledgerModule.Ledger>[0]

export const noFenceReceipt = ({ fenceReceipt }: Recovery): Partial<Recovery> => ({
  // A fence receipt that adds nothing is none.
  fenceReceipt(ledger, receipt, claim) {
    const fence = fenceReceipt(ledger, receipt, claim)
    return receipt?.owner.generation === fence.owner.generation ? { ...fence, seq: receipt.seq } : fence
  },
})

export const askedAgain = (): Partial<Recovery> => ({ adoptedPosition: () => null })

export const noMuting = (): Partial<Recovery> => ({ aheadOf: () => null })

export const checkpointBeforeCatchingUp = ({ CatchUp }: CatchUps): CatchUps => ({
  CatchUp: class extends CatchUp {
    override reach(positions: Positions, ended?: boolean): boolean {
      if (super.reach(positions, ended)) return true
      const { ledgers, stations } = this as unknown as {
        readonly ledgers: readonly { phase: string }[]
        readonly stations: unknown[]
      }
      for (const ledger of ledgers) ledger.phase = 'live'
      stations.length = 0
      return true
    }
  },
})

export const digestSinceEpochStart = ({ Session }: typeof sessionModule) => ({
  Session: {
    async open(...args: Parameters<typeof Session.open>) {
      const session = await Session.open(...args)
      const run = session.run.bind(session)
      session.run = (input) => {
        for (const ledger of session.ledgers) ledger.digest = new ChainedDigest()
        return run(input)
      }
      return session
    },
  },
})

export const timersMutedByPosition = ({ aheadOf }: Recovery): Partial<Recovery> => ({
  aheadOf(receipt, claim) {
    const ahead = aheadOf(receipt, claim)
    return ahead === null ? null : { ...ahead, timers: false }
  },
})

export const stateOneCommitBehind = ({ InlineState }: typeof inlineModule): typeof inlineModule => ({
  InlineState: class extends InlineState {
    private before: StateChange | undefined

    override async capture() {
      const now = await super.capture()
      const { before } = this
      this.before = now
      return before
    }
  },
})

/** Segments of all claims share their keys: the first, the second … of a generation. */
export const mutableKeys = ({ blobOf, inflated }: typeof blobModule): Partial<typeof blobModule> => ({
  async blobOf(raw) {
    const [, generation, nth] = /~ \S+ (\d+)\.\d+\.\d+ (\d+)/.exec(Buffer.from(raw).toString('latin1')) ?? []
    return { ...(await blobOf(raw)), key: `segment ${nth} of generation ${generation}` }
  },
  rawOf: ({ bytes }) => inflated(bytes),
})

export const compareOnPosition = ({ judgeReceipt }: Recovery): Partial<Recovery> => ({
  judgeReceipt(ledger, receipt, place, claim) {
    judgeReceipt(ledger, receipt, place, claim)
    const { positions } = claim.checkpoint
    const mine = receipt?.owner.generation === claim.owner.generation ? receipt : null
    const isBehind = Object.entries(positions).some(([id, at]) => Number(mine?.positions[id] ?? at) < Number(at))
    if (mine !== null && isBehind) judgeReceipt(ledger, { ...mine, seq: 0 }, place, claim)
  },
})

/** The session before goes on: nobody ends it. */
export const sharedSession = ({ SessionRegistry }: Registries): Registries => ({
  SessionRegistry: class extends SessionRegistry {
    override claim(...args: Parameters<registryModule.SessionRegistry['claim']>) {
      const { sessions } = this as unknown as { readonly sessions: Map<string, unknown> }
      sessions.clear()
      return super.claim(...args)
    }
  },
})

export const lettersOutside = ({ Ledger }: Ledgers): Ledgers => ({
  Ledger: class extends Ledger {
    constructor(options: LedgerOptions) {
      super(options.id === 'dead-letters' ? { ...options, ahead: null } : options)
    }
  },
})

export const refusalsForgotten = ({ Refusals }: Refusing): Refusing => ({
  Refusals: class extends Refusals {
    override restore(): void {}
  },
})

export const lettersLast = ({ commitAll }: Committing): Committing => ({
  async commitAll(session, due, at) {
    const { outlet } = session.refusals
    if (outlet === null) return await commitAll(session, due, at)
    const others = due.filter((ledger) => ledger !== outlet)
    const last = session.ledgers.filter((ledger) => ledger === outlet)
    // The letters' ledger is not known as such until the others have committed.
    Object.defineProperty(session.refusals, 'outlet', { configurable: true, value: null })
    const commits = await commitAll(session, others, at)
    Reflect.deleteProperty(session.refusals, 'outlet')
    return commits + (await commitAll(session, last, at))
  },
})

export const ownersWithoutClaims = (): Partial<Owners> => ({
  compareOwners: (a, b) => a.generation - b.generation || a.incarnation - b.incarnation,
})

export const oldGenerationKept = ({ fenceReceipt }: Recovery): Partial<Recovery> => ({
  fenceReceipt(ledger, receipt, claim) {
    const fence = fenceReceipt(ledger, receipt, claim)
    return receipt === null ? fence : { ...receipt, seq: fence.seq, owner: fence.owner }
  },
})

export const ownEpochInFenceReceipt = ({ fenceReceipt }: Recovery): Partial<Recovery> => ({
  fenceReceipt(ledger, receipt, claim) {
    const { epoch, time } = claim.scheduled ?? { epoch: claim.checkpoint.epoch + 1, time: 0 }
    return { ...fenceReceipt(ledger, receipt, claim), epoch, time }
  },
})

export const newTimePerAttempt = ({ recordClaim }: typeof epochModule): Partial<typeof epochModule> => ({
  recordClaim: (state, result) => ({ ...recordClaim(state, result), scheduled: null }),
})

export const unfinishedEpochForgotten = ({ lastTaskState }: typeof historyModule): Partial<typeof historyModule> => ({
  async lastTaskState(client, workflowId) {
    const state = await lastTaskState(client, workflowId)
    return state === null ? null : { ...state, scheduled: null }
  },
})

/** What a sink without a ledger is due need not be there when the ledger commits. */
export const targetsLast = ({ commitAll }: Committing): Committing => ({
  commitAll: (session, ...rest) =>
    commitAll(Object.create(session, { calls: { value: null } }) as typeof session, ...rest),
})

/** Nobody is waited for: whatever is in memory is next. */
export const orderOfArrival = ({ Turns }: Turning): Partial<Turning> => ({
  Turns: class extends Turns {
    override next(goal: Positions | null): turnsModule.Turn {
      const turn = super.next(goal)
      if (turn.kind !== 'wait') return turn
      const { inputs } = this as unknown as { readonly inputs: readonly Input[] }
      const isOpen = (input: Input): boolean => !input.closed && !(goal !== null && input.has(goal[input.id]))
      const there = inputs.find((input) => isOpen(input) && input.prefetch.head !== undefined)
      return there === undefined ? turn : { kind: 'take', input: there, limit: null }
    }
  },
})

/** A source without which the epoch has gone on takes part again when it has something. */
export const takenUpAgain = ({ Turns }: Turning): Partial<Turning> => ({
  Turns: class extends Turns {
    override next(goal: Positions | null): turnsModule.Turn {
      const { inputs } = this as unknown as { readonly inputs: readonly Input[] }
      for (const input of inputs) if (input.prefetch.head !== undefined) input.closed = false
      return super.next(goal)
    }
  },
})

/** Which ledger is further is asked of the first source only. */
export const firstSourceOnly = ({ compareVectors }: typeof vectorsModule): Partial<typeof vectorsModule> => ({
  compareVectors: (a, b, order) => compareVectors(a, b, Object.fromEntries(Object.entries(order).slice(0, 1))),
})

/** What the receipts name is not read. */
export const answersForgotten = ({ Answers }: typeof answersModule): Partial<typeof answersModule> => ({
  Answers: class extends Answers {
    override restore(epoch: number): Promise<void> {
      return super.restore(epoch, [])
    }
  },
})

export const noAnswersBesideState = ({ keepsAnswers }: typeof ledgersModule): Partial<typeof ledgersModule> => ({
  keepsAnswers(stage, blueprint) {
    const steps = stage.steps.filter(({ step }) => step.state === undefined)
    return keepsAnswers({ ...stage, steps }, blueprint)
  },
})

/** What it has changed is final before it is through. */
export const stateOfBadRecords = ({ Passage }: typeof passageModule): Partial<typeof passageModule> => ({
  Passage: class extends Passage {
    override end(): void {
      super.end()
      const { session } = this as unknown as { readonly session: sessionModule.Session }
      session.states.journal.forget()
    }
  },
})

/** Only what lies below P* is known. */
export const answersOfTimersForgotten = ({ aheadOf }: Recovery): Partial<Recovery> => ({
  aheadOf(receipt, claim) {
    const ahead = aheadOf(receipt, claim)
    const { positions } = claim.checkpoint
    if (ahead === null || Object.entries(positions).some(([id, at]) => ahead.positions[id] !== at)) return ahead
    const { answers: _, ...rest } = ahead
    return rest
  },
})

/** A receipt names what was stored before the commit ahead of it. */
export const answersLast = ({ commitAll }: Committing): Committing => ({
  async commitAll(session, ...rest) {
    const answers = session.answers === null ? null : { head: session.answers.head, store: async () => true }
    const commits = await commitAll(Object.create(session, { answers: { value: answers } }) as typeof session, ...rest)
    await session.answers?.store()
    return commits
  },
})

import type * as breaks from './breaks.js'
import type { SimulationOptions } from './simulation.js'

/** A rule of docs/recovery-protocol.md that can be broken on purpose, from outside: nothing in the library knows of it. */
export interface Rule {
  readonly name: string
  /** Of docs/recovery-protocol.md. */
  readonly clause: string
  /** What is done instead. */
  readonly instead: string
  /** Modules of the library of which something is replaced. */
  readonly breaks?: readonly Break[]
  /** What the models do otherwise. */
  readonly options?: Partial<SimulationOptions>
  /** The first invariants that don't hold. */
  readonly caughtBy: RegExp
  /** One that fails: what is changed here or in the library may make it another. */
  readonly seed: number
}

export interface Break {
  /** Path from the root, without extension. */
  readonly module: string
  /** In breaks.ts: gets the module's exports, and returns what takes the place of those named. */
  readonly by: keyof typeof breaks
  readonly names: readonly string[]
}

const engine = (module: string, by: Break['by'], ...names: readonly string[]): readonly Break[] => [
  { module: `src/engine/${module}`, by, names },
]

export const rules: readonly Rule[] = [
  {
    name: 'read-before-fencing',
    clause: '2.1',
    instead: 'the receipt is read before older producers are fenced',
    options: { kind: 'producer', flaw: 'reads before it fences' },
    caughtBy: /^(1|6|10|17):/,
    seed: 23,
  },
  {
    name: 'no-fence-receipt',
    clause: '2.3',
    instead: 'a claim opens a ledger without a receipt of its own',
    breaks: engine('recovery', 'noFenceReceipt', 'fenceReceipt'),
    options: { kind: 'compare', faults: ['timeOut'] },
    caughtBy: /^(1|2|5, 6|14|17):/,
    seed: 359,
  },
  {
    name: 'no-muting',
    clause: '3.2',
    instead: 'outputs that a ledger holds already are written again',
    breaks: engine('recovery', 'noMuting', 'aheadOf'),
    caughtBy: /^1:/,
    seed: 5,
  },
  {
    name: 'checkpoint-before-catching-up',
    clause: '3.4',
    instead: 'an epoch goes live at the first ledger it has caught up with',
    breaks: engine('catch-up', 'checkpointBeforeCatchingUp', 'CatchUp'),
    caughtBy: /^(1|8|10|14|17):/,
    seed: 5,
  },
  {
    name: 'digest-since-epoch-start',
    clause: '1',
    instead: 'the digest begins anew with every epoch',
    breaks: engine('session', 'digestSinceEpochStart', 'Session'),
    caughtBy: /^(10|14):/,
    seed: 24,
  },
  {
    name: 'compare-on-position',
    clause: '2.4',
    instead: 'ledger and checkpoint are compared by position',
    breaks: engine('recovery', 'compareOnPosition', 'judgeReceipt'),
    caughtBy: /^14: parked with SinkBehind/,
    seed: 78,
  },
  {
    name: 'timers-muted-by-position',
    clause: '3.3',
    instead: 'timers of a ledger that stands at the checkpoint are not muted',
    breaks: engine('recovery', 'timersMutedByPosition', 'aheadOf'),
    caughtBy: /^(10|11|14|17):/,
    seed: 1707,
  },
  {
    name: 'delta-one-commit-behind',
    clause: '1',
    instead: 'a checkpoint holds the state of the one before it',
    breaks: [{ module: 'src/state/inline-state', by: 'stateOneCommitBehind', names: ['InlineState'] }],
    caughtBy: /^(3|11|14):/,
    seed: 396,
  },
  {
    name: 'delta-under-a-mutable-key',
    clause: '6',
    instead: 'segments of state are stored under keys that other attempts use too',
    breaks: [{ module: 'src/state/blob', by: 'mutableKeys', names: ['blobOf', 'rawOf'] }],
    caughtBy: /^(2|3|10|11|14):/,
    seed: 10632,
  },
  {
    name: 'shared-session',
    clause: '4',
    instead: 'a claim shares producers with the session before it, which goes on',
    breaks: engine('registry', 'sharedSession', 'SessionRegistry'),
    options: { kind: 'producer', flaw: 'one producer per process' },
    caughtBy: /^(1|12|5, 6|6|10|17):/,
    seed: 18,
  },
  {
    name: 'dead-letters-outside-the-set',
    clause: '5',
    instead: 'dead letters are written whenever a record fails, muted or not',
    breaks: engine('ledger', 'lettersOutside', 'Ledger'),
    caughtBy: /^1: dead-letters/,
    seed: 5,
  },
  {
    name: 'refusals-forgotten',
    clause: '5',
    instead: 'a retry does not obey what receipts list as refused',
    breaks: engine('refusals', 'refusalsForgotten', 'Refusals'),
    caughtBy: /^(1: more letters|10:)/,
    seed: 53,
  },
  {
    name: 'dead-letters-last',
    clause: '5',
    instead: 'dead letters commit after the outputs beside them',
    breaks: engine('commit', 'lettersLast', 'commitAll'),
    caughtBy: /^(5 \(letters\)|1):/,
    seed: 175,
  },
  {
    name: 'asked-again',
    clause: '6',
    instead: 'what a ledger holds of steps that are not deterministic is executed again',
    breaks: engine('recovery', 'askedAgain', 'adoptedPosition'),
    options: { asks: true },
    caughtBy: /^14: parked with (NonDeterministicStep|CodeChanged)/,
    seed: 11,
  },
  {
    name: 'targets-last',
    clause: '6',
    instead: 'a ledger behind such steps commits before what sinks without one are due is there',
    breaks: engine('commit', 'targetsLast', 'commitAll'),
    options: { asks: true },
    caughtBy: /^(8|5 \(letters\)):/,
    seed: 180,
  },
  {
    name: 'answers-forgotten',
    clause: '6',
    instead: 'an epoch that is executed again asks again, though receipts name what its calls came to',
    breaks: engine('answers', 'answersForgotten', 'Answers'),
    options: { asks: true, kept: true },
    caughtBy: /^(2:|10:|14: parked with (NonDeterministicStep|CodeChanged))/,
    seed: 19,
  },
  {
    name: 'answers-last',
    clause: '6',
    instead: 'what calls came to is stored behind the commit of what was made of it',
    breaks: engine('commit', 'answersLast', 'commitAll'),
    options: { asks: true, kept: true },
    caughtBy: /^(2:|10:|14: parked with (NonDeterministicStep|CodeChanged))/,
    seed: 39,
  },
  {
    name: 'no-answers-beside-state',
    clause: '6',
    instead: 'a stage with one ledger adopts what that holds, though it keeps state',
    breaks: [{ module: 'src/definition/ledgers', by: 'noAnswersBesideState', names: ['keepsAnswers'] }],
    options: { asks: true, kept: true },
    caughtBy: /^(3|11|14):/,
    seed: 100,
  },
  {
    name: 'state-of-bad-records',
    clause: '6',
    instead: 'a record that fails behind calls has changed state all the same',
    breaks: engine('passage', 'stateOfBadRecords', 'Passage'),
    options: { asks: true, kept: true },
    caughtBy: /^(3|10|11|14):/,
    seed: 11,
  },
  {
    name: 'answers-of-timers-forgotten',
    clause: '6',
    instead: 'an epoch that is executed again from where it began asks again for what timers gave at its start',
    breaks: engine('recovery', 'answersOfTimersForgotten', 'aheadOf'),
    options: { asks: true, kept: true },
    caughtBy: /^14: parked with (NonDeterministicStep|CodeChanged)/,
    seed: 300,
  },
  {
    name: 'order-of-arrival',
    clause: '6',
    instead: 'records of several sources go through the steps as they come',
    breaks: engine('turns', 'orderOfArrival', 'Turns'),
    options: { joins: true },
    caughtBy: /^(1|3|10|14):/,
    seed: 1,
  },
  {
    name: 'taken-up-again',
    clause: '6',
    instead: 'a source that was left out of an epoch takes part in it again',
    breaks: engine('turns', 'takenUpAgain', 'Turns'),
    options: { joins: true },
    caughtBy: /^(1|3|10|14):/,
    seed: 54,
  },
  {
    name: 'first-source-only',
    clause: '6',
    instead: 'of two ledgers that is further which is so in the first source',
    breaks: engine('vectors', 'firstSourceOnly', 'compareVectors'),
    options: { joins: true },
    caughtBy: /^(1|3|10|14|15|17):/,
    seed: 6061,
  },
  {
    name: 'owners-without-claims',
    clause: '1',
    instead: 'owners are ordered by generation and incarnation only',
    breaks: engine('owner', 'ownersWithoutClaims', 'compareOwners'),
    caughtBy: /^(5, 6|14|15):/,
    seed: 12,
  },
  {
    name: 'old-generation-kept',
    clause: '2.3',
    instead: 'the fence receipt of a newer generation copies position and digest',
    breaks: engine('recovery', 'oldGenerationKept', 'fenceReceipt'),
    caughtBy: /^(1|10|14|17):/,
    seed: 13,
  },
  {
    name: 'own-epoch-in-fence-receipt',
    clause: '2.3',
    instead: 'a fence receipt names the epoch of its claimant',
    breaks: engine('recovery', 'ownEpochInFenceReceipt', 'fenceReceipt'),
    caughtBy: /^14: parked with LedgerAhead/,
    seed: 5,
  },
  {
    name: 'new-time-per-attempt',
    clause: '1',
    instead: 'every attempt of an epoch draws its time and seed',
    breaks: [{ module: 'src/protocol/epoch', by: 'newTimePerAttempt', names: ['recordClaim'] }],
    caughtBy: /^14: parked with (LedgerAhead|NonDeterministicStep|CodeChanged)/,
    seed: 5,
  },
  {
    name: 'unfinished-epoch-forgotten',
    clause: '1',
    instead: 'a start does not take over the epoch that was scheduled and not recorded',
    breaks: [{ module: 'src/control/task-history', by: 'unfinishedEpochForgotten', names: ['lastTaskState'] }],
    caughtBy: /^14: parked with LedgerAhead/,
    seed: 5,
  },
  {
    name: 'history-before-closing',
    clause: '1',
    instead: "a start reads the old run's history before it has closed that run",
    options: { clientFlaw: 'reads history before it closes the run', faults: ['startAgain'] },
    caughtBy: /^(4|14):/,
    seed: 4155,
  },
  {
    name: 'older-owners-commit',
    clause: '3.7',
    instead: 'a ledger takes commits without comparing',
    options: { flaw: 'no comparing' },
    caughtBy: /^(5, 6|6|1|10|17):/,
    seed: 22,
  },
  {
    name: 'receipt-before-outputs',
    clause: '3.7',
    instead: 'receipt and outputs become durable one after the other',
    options: { flaw: 'receipt before outputs' },
    caughtBy: /^(6|10|17):/,
    seed: 1,
  },
]

/** Throws `TypeError` for a name that isn't there. */
export function ruleNamed(name: string): Rule {
  const rule = rules.find((other) => other.name === name)
  if (rule === undefined) throw new TypeError(`no rule is called '${name}': --break list names them`)
  return rule
}

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as errors from '../../../src/errors/index.js'
import { programFor } from '../../../src/cli/program.js'
import { errorCatalog, type ErrorCode } from '../../../src/errors/index.js'
import { captured } from '../cli/captured.js'

const origin = { source: 'flights', partition: 3, position: '17' }
const record = { pipeline: 'delays', stage: 'main', origin, reason: 'no total' }
const task = { pipeline: 'delays', stage: 'main', partition: 3 }
const sink = { ...task, sink: 'files' }
const source = { pipeline: 'delays', source: 'flights', topic: 'flights', partition: 3 }
const owner = { generation: 1, incarnation: 1, claim: 2, runId: 'run' }
const digest = { ...sink, epoch: 4, positions: { flights: '17' }, expected: 'abc', found: 'def' }

type Concrete = Extract<keyof typeof errors, ErrorCode>
type DetailsOf<C extends Concrete> = ConstructorParameters<(typeof errors)[C]>[0]

/** One of each; the compiler asks for the sample of a new class. */
const samples: { readonly [C in Concrete]: DetailsOf<C> } = {
  InvalidDefinition: { pipeline: 'delays', faults: [{ path: 'name', message: 'must not be empty', got: '' }] },
  NotCoPartitioned: { pipeline: 'delays', stage: 'main', partitions: { flights: 4, airports: 6 } },
  DecodeFailed: record,
  StepFailed: { ...record, step: 'late' },
  RecordRejected: { ...record, step: 'late' },
  KeyNotInPartition: { ...record, step: 'by-airport', belongs: 2, partitions: 4 },
  StepTimeout: { ...record, step: 'score', timeoutMs: 30_000, attempts: 1 },
  SourceUnavailable: source,
  SourceUnauthorized: { ...source, operation: 'read topic flights' },
  SourceUnsupported: { ...source, needed: 'Fetch version 13', found: '4' },
  PositionLost: { ...source, position: '1', earliest: '5', end: '9', lost: { from: '1', to: '5' } },
  PartitionsLost: { ...source, known: 4, found: 3 },
  PartitionCountMismatch: { ...source, needed: 4, found: 3 },
  CorruptBatch: { ...source, position: '17', reason: 'has a bad checksum' },
  SourceChanged: { ...source, position: '17', was: 'topic id a', is: 'topic id b' },
  SinkUnavailable: { ...sink, target: 'directory out', doing: 'commit' },
  SinkUnauthorized: { ...sink, target: 'directory out', doing: 'commit' },
  SinkBehind: { ...sink, checkpointSeq: 5, ledgerSeq: 4, positions: { flights: '17' } },
  NonDeterministicStep: digest,
  CodeChanged: { ...digest, receiptFingerprint: 'abc', fingerprint: 'def' },
  LedgerAhead: {
    ...sink,
    ledgerEpoch: 5,
    ledgerTime: 1,
    ledgerGeneration: 1,
    epoch: 4,
    scheduledTime: null,
    generation: 1,
  },
  ReceiptLost: { ...sink, checkpointSeq: 5 },
  ForeignReceipt: { ...sink, target: 'directory out', found: 'a ledger of another pipeline' },
  GenerationFenced: { ...sink, owner, ledgerOwner: owner },
  NotCaughtUp: { ...task, epoch: 4, positions: { flights: '17' }, furthest: { flights: '20' } },
  ForeignOwner: { ...task, ledgerOwner: null, times: 3 },
  SessionLost: { ...task, worker: null, reason: 'it was closed' },
  StateTooLarge: { ...task, bytes: 200_000, limit: 131_072 },
  StateNotKeepable: { ...task, step: 'totals' },
  StateBackendMissing: task,
  StateStoreUnavailable: { ...task, store: 'directory cache', doing: 'write values' },
  StateBackendUnavailable: { ...task, backend: 'directory out', doing: 'write a segment' },
  CheckpointsFailed: { ...task, epoch: 4, failed: 2, tolerableFailures: null, timeoutMs: 1_000, reason: 'too slow' },
  StateCorrupt: { ...task, segment: 'abc' },
  PlanIncompatible: { ...task, steps: ["'late entries': no step of the plan has it"] },
  PipelineNotFound: { pipeline: 'delays' },
  PipelineAlreadyRunning: { pipeline: 'delays', workflowId: 'tidemark/delays' },
  CheckpointNotFound: { ...task, wanted: 'epoch 45', found: 'epochs 1 to 40 of generation 1' },
  SavepointNotFound: { pipeline: 'delays', label: 'before' },
  SavepointExists: { pipeline: 'delays', label: 'before' },
  SavepointCopiesLeft: {
    pipeline: 'delays',
    label: 'before',
    places: [{ stage: 'savepoint.before.main', partition: 0, backend: null }],
  },
  NotAligned: { ...task, reason: 'it runs' },
  CommandTimeout: { command: 'pause', pipeline: 'delays', timeoutMs: 1, accepted: true, waitingFor: ['main/3'] },
  InvalidCommand: { pipeline: 'delays', command: 'start', reason: 'no such position' },
  StackUnavailable: { server: 'Kafka', tried: [{ what: 'a jar', why: 'no Java' }], install: ['a JDK'] },
}

const classes: Readonly<Record<string, unknown>> = { ...errors }
const made = Object.entries(samples).map(([code, details]): [ErrorCode, errors.TidemarkError] => {
  const Class = classes[code] as new (details: unknown, cause?: unknown) => errors.TidemarkError
  return [code as ErrorCode, new Class(details, new Error('the cause'))]
})

test.each(made)('%s is what the catalog says', (code, error) => {
  expect(error).toBeInstanceOf(errors.TidemarkError)
  expect(error.constructor.name).toBe(code)
  expect(error).toMatchObject({ name: code, code, ...errorCatalog[code] })
  expect(error.details).toBe(samples[code as Concrete])
  expect(error.cause).toEqual(new Error('the cause'))
})

test.each(made)('%s says what happened, with everything it knows', (_, error) => {
  expect(error.message).not.toMatch(/undefined|\[object|NaN/)
  // Whom it happened to.
  expect(error.message).toContain('pipeline' in error.details ? 'delays' : 'Kafka')
  expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details)
})

test('every class of every family file is exported, and nothing else than classes has a code', async () => {
  const directory = new URL('../../../src/errors/', import.meta.url)
  const families = readdirSync(fileURLToPath(directory)).filter((file) => !['index.ts', 'is.ts'].includes(file))
  const codes: string[] = []
  for (const file of families) {
    const module = (await import(new URL(file, directory).href)) as Readonly<Record<string, unknown>>
    for (const [name, value] of Object.entries(module)) {
      if (!(name in errorCatalog)) continue
      codes.push(name)
      expect(classes[name]).toBe(value)
    }
  }
  expect(codes.toSorted()).toEqual(Object.keys(samples).toSorted())
})

/** Codes of what isn't there yet: joins, keyed state, asynchronous steps, rewinding. */
const toCome: readonly string[] = [
  'NotCoPartitioned',
  'PlanIncompatible',
  'StepTimeout',
  'StateTooLarge',
  'StateNotKeepable',
  'StateBackendMissing',
  'StateBackendUnavailable',
  'StateCorrupt',
  'CheckpointNotFound',
]

test('every code has its class, but for what is still to come', () => {
  expect(toCome).toEqual(expect.arrayContaining(Object.keys(errorCatalog).filter((code) => !(code in samples))))
})

/** What a person may be told to do: commands, and those that one may think are there. */
const ACTIONS = /\b(start|resume|pause|drain|cancel|list|status|explain|seek|rewind|savepoint|fork|verify|replay)\b/g

test('what is to be done next can be done: every command and option named in it is there', () => {
  const commands = new Map(
    programFor(captured()).commands.map((command) => [
      command.name(),
      [command, ...command.commands].flatMap(({ options }) => options.map(({ long }) => long)),
    ]),
  )
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const rows = readme.slice(readme.indexOf('\n## Errors'), readme.indexOf('\n## Further')).match(/^\| `.*$/gm) ?? []
  expect(rows.length).toBeGreaterThan(20)
  const told = [...Object.values(errorCatalog).map(({ next }) => next), ...rows.map((row) => row.split(' | ')[2] ?? '')]
  for (const next of told) {
    const named = [...next.matchAll(ACTIONS)].map(([name]) => name)
    expect([...commands.keys()], next).toEqual(expect.arrayContaining(named))
    // An option alone is one of the command that failed.
    const options = (named.length === 0 ? [...commands.keys()] : named).flatMap((name) => commands.get(name) ?? [])
    for (const [option] of next.matchAll(/--[a-z-]+/g)) expect(options, next).toContain(option)
  }
})

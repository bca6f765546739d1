import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lmdbStore } from '../../../src/connectors/lmdb/index.js'
import type { StateMark } from '../../../src/protocol/checkpoint.js'
import { Shelf } from '../../../src/state/shelf.js'
import { MemoryStore } from './memory-store.js'
import { never, StoredTask, TASK } from './stored-task.js'

const KEYS = 6
const key = fc.nat(KEYS - 1)
type Op =
  | { readonly kind: 'set'; readonly key: number; readonly value: number; readonly bad: boolean }
  | { readonly kind: 'delete'; readonly key: number; readonly bad: boolean }
  | { readonly kind: 'due'; readonly by: number }
  | { readonly kind: 'tend' | 'checkpoint' | 'restart' | 'migrate' }
  | { readonly kind: 'rewind'; readonly by: number }

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat(9), bad: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, bad: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('due' as const), by: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewind' as const), by: fc.nat(4) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('tend', 'checkpoint', 'checkpoint', 'restart', 'migrate') }),
  },
)

const PADDING = 'x'.repeat(300_000)
type Value = readonly [at: number, generation: number, padding: string]

/** Values are large: many are written to disk while few are changed. */
const valueOf = (value: number): Value => [value, 0, PADDING]

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-shelf-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true })
})

async function shelfOnDisk(): Promise<Shelf> {
  const at = { ...TASK, namespace: 'unit', connection: () => undefined, signal: never }
  return new Shelf(await lmdbStore({ directory }).open(at), (doing, cause) => new Error(doing, { cause }))
}

/** A task whose state is in memory, and one whose values are on disk, through the same. */
class Twins {
  private readonly stores = [new MemoryStore(), new MemoryStore()] as const
  private version = 1
  private tasks: readonly [StoredTask, StoredTask] | null = null
  /** Of all checkpoints, with the version of the step's state. */
  private readonly recorded: { readonly marks: readonly StateMark[]; readonly version: number }[] = []

  /** From the newest checkpoint, or from an older one. */
  async open(marks: readonly StateMark[] = this.tasks?.map(({ mark }) => mark) ?? []): Promise<void> {
    await this.close()
    const table = {
      due: (value: unknown) => (value as Value)[0],
      migrate: (old: unknown) => {
        const [at, generation, padding] = old as Value
        return [9 - at, generation + 1, padding]
      },
    }
    const of = async (which: 0 | 1): Promise<StoredTask> =>
      await StoredTask.open(this.stores[which], marks[which], {
        table,
        version: this.version,
        ...(which === 1 && { shelf: await shelfOnDisk() }),
      })
    this.tasks = [await of(0), await of(1)]
  }

  async migrate(): Promise<void> {
    this.version++
    await this.open()
  }

  async checkpoint(): Promise<void> {
    await this.both((task) => task.checkpoint().then(({ segments }) => segments.length > 0))
    this.recorded.push({ marks: this.tasks?.map(({ mark }) => mark) ?? [], version: this.version })
  }

  async rewind(by: number): Promise<void> {
    const to = this.recorded.at(-1 - by)
    if (to === undefined) return
    this.version = to.version
    await this.open(to.marks)
  }

  /** What both say, which must be the same. */
  async both(what: (task: StoredTask) => unknown): Promise<void> {
    const answers = []
    for (const task of this.tasks ?? []) answers.push(await what(task))
    const [inMemory, onDisk] = answers
    expect(onDisk).toEqual(inMemory)
  }

  async close(): Promise<void> {
    for (const task of this.tasks ?? []) await task.keeper.close()
  }
}

function apply(task: StoredTask, step: Op): unknown {
  const { table, states, keeper } = task
  if (step.kind === 'set') table.set(`${step.key}`, valueOf(step.value))
  else if (step.kind === 'delete') table.delete(`${step.key}`)
  else if (step.kind === 'due') {
    const due = table.firstDueBy(step.by)
    if (due !== undefined) table.delete(due.key)
    states.journal.forget()
    return due
  } else if (step.kind === 'tend') keeper.tend()
  if ('bad' in step && step.bad) states.journal.rollback()
  else states.journal.forget()
  return undefined
}

test('a table whose values are on disk does what one in memory does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 60, size: 'max' }), async (ops) => {
      const twins = new Twins()
      await twins.open()
      for (const step of ops) {
        if (step.kind === 'restart') await twins.open()
        else if (step.kind === 'migrate') await twins.migrate()
        else if (step.kind === 'checkpoint') await twins.checkpoint()
        else if (step.kind === 'rewind') await twins.rewind(step.by)
        else await twins.both((task) => apply(task, step))
        // Not how much is yet to be stored: `tend` stores beside, and how far it has come depends on time.
        await twins.both(({ table }) => [table.size, table.nextDue, table.keys()])
        // Some keys only: what is asked for is decoded, and the rest is to stay as it lies.
        await twins.both(({ table }) => [table.get('0'), table.get('1'), table.peek('2')])
      }
      await twins.both(({ entries }) => entries)
      await twins.both(({ states }) => states.snapshot())
      await twins.close()
    }),
    { numRuns: 40 },
  )
  // All sessions were closed.
  expect(await readdir(join(directory, 'unit', TASK.pipeline, 'main-00000'))).toEqual([])
}, 120_000)

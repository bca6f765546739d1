/** What the rows of the table of bad input have in common: what they stand on, and how they are looked at. */
import type { PipelineStatus, StatusProblem, TaskStatus } from '../../../src/client/status.js'
import { errorCatalog, type ErrorCode } from '../../../src/errors/catalog.js'
import type { TestDatabase } from '../../setup/postgres-database.js'
import type { GuardedKafka } from '../../setup/guarded-kafka.js'
import { json, type Pipeline, type Source } from 'tidemark'
import { kafkaSource, type KafkaSourceOptions } from 'tidemark/kafka'
import { expect } from 'vitest'
import { z } from 'zod'
import type { Output } from '../output.js'
import type { Rig } from '../rig.js'
import type { Topics } from '../topics.js'

/** One row of docs/bad-input.md. */
export interface Row {
  /** As it stands there. */
  readonly input: string
  /** What the status or the dead letter says; null: it is no failure. */
  readonly code: ErrorCode | null
  readonly set: (world: World) => Promise<Case>
}

/** A row with all it needs in place, but for the worker. */
export interface Case {
  readonly pipeline: Pipeline
  readonly run: (rig: Rig) => Promise<void>
}

/** The servers under all rows, and what is made on them. */
export interface World {
  readonly kafka: GuardedKafka
  readonly topics: Topics
  readonly database: TestDatabase
  /** Where the server of the dead letters' database is to be reached: closed, it is down. */
  readonly lettersPort: number
  /** A directory of a sink. */
  readonly output: () => Promise<Output>
  /** The file in which the broker keeps all of partition 0 of a topic. */
  readonly segment: (topic: string) => string
}

const Numbered = z.looseObject({ n: z.number() })

/** Reads `{"n":0}` and so on; anything else is bad. */
export const numbersOf = (
  topic: string,
  more: Omit<KafkaSourceOptions<unknown, never>, 'topic' | 'value' | 'key'> = {},
): Source<{ n: number }> => kafkaSource({ topic, value: json(Numbered), ...more })

/** They all run at once: on a slow machine that takes. */
export const PATIENT = { timeoutMs: 90_000 }

export const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

/** Waits until all tasks are parked with that code, as status has it with what to do next; the first one. */
export async function parked(
  rig: Rig,
  name: string,
  code: ErrorCode,
): Promise<TaskStatus & { problem: StatusProblem }> {
  const { tasks } = await rig.until(name, (status) => status.tasks.length > 0 && status.tasks.every(isParked), PATIENT)
  const [task] = tasks
  expect(task?.problem).toMatchObject({ code, next: errorCatalog[code].next })
  return task as TaskStatus & { problem: StatusProblem }
}

const isParked = ({ state }: TaskStatus): boolean => state === 'parked'

/** Waits until all tasks have checkpoints there, and nothing to wait for. */
export async function reached(rig: Rig, name: string, position: number): Promise<TaskStatus> {
  const there = ({ positions, waiting }: TaskStatus): boolean =>
    Number(positions['numbers']) === position && waiting === null
  const { tasks } = await rig.until(name, (status) => status.tasks.length > 0 && status.tasks.every(there), PATIENT)
  const [task] = tasks
  expect(task).toMatchObject({ state: 'running', problem: null })
  return task as TaskStatus
}

/** Waits until the first task is held up by something that may pass: it runs, and says what it waits for. Those words. */
export async function waitsFor(rig: Rig, name: string, code: ErrorCode): Promise<string> {
  const told = await rig.until(name, ({ tasks: [task] }) => task?.waiting?.includes(code) === true, PATIENT)
  const [task] = told.tasks
  expect(task).toMatchObject({ state: 'running', problem: null })
  return task?.waiting ?? ''
}

/** Resumes until it goes on: brokers learn of rights and settings some time after they are given. */
export async function resumed(rig: Rig, name: string, position: number): Promise<void> {
  const handle = rig.pipelines.get(name)
  for (const deadline = Date.now() + PATIENT.timeoutMs; ;) {
    await handle.resume()
    const there = ({ tasks: [task] }: PipelineStatus): boolean =>
      task !== undefined && (isParked(task) || Number(task.positions['numbers']) === position)
    const { tasks } = await rig.until(name, there, PATIENT)
    if (!tasks.some(isParked) || Date.now() > deadline) break
  }
  await reached(rig, name, position)
}

/** Runs to the end of what is there, in a new generation from those offsets on. */
export async function begunAnew(rig: Rig, name: string, offset: number): Promise<void> {
  await rig.pipelines.get(name).cancel()
  const from = { offsets: { 0: String(offset) } }
  await (await rig.begin(name, { fresh: true, from, until: 'latest' })).result()
}

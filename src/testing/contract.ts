/**
 * The sink contract, sentence by sentence: runs any transactional sink against `TransactionalSink` and PROTOCOL §2, §5
 * and §8, two or more owners at a time. Framework-free: wire `run` into any test runner.
 *
 * ```ts
 * for (const { name, run } of sinkContract({ subject, value: (n) => ({ n }) })) test(name, run)
 * ```
 */
import type { Sink, SinkContext, TransactionalSink } from '../definition/sink.js'
import type { StopCheck } from './contract/check.js'
import { commitChecks } from './contract/commits.js'
import { crowdChecks } from './contract/crowd.js'
import { ownerChecks } from './contract/owners.js'
import { stopChecks } from './contract/stops.js'
import { ContractBroken, World } from './contract/world.js'
import { reasonOf } from '../errors/base.js'

export { ContractBroken } from './contract/world.js'

/** A sink at a place that nobody has written to, and a reader's view of that place. */
export interface ContractSubject<T, W> {
  readonly sink: Sink<T> | TransactionalSink<T, W>
  /** What a reader sees now: committed values only, in commit order. */
  readonly read: () => Promise<readonly T[]>
  /** Overrides of what the sink is told: connections, a pipeline name of its own. */
  readonly context?: Partial<Omit<SinkContext, 'owner' | 'fence' | 'reject'>>
  /** After the check, with all writers closed. */
  readonly close?: () => Promise<void>
}

export interface SinkContractOptions<T, W> {
  /**
   * Makes a subject on a new place, for each try of each check. Let the sink await `step` before each of its I/O calls
   * (through a connection or file system that the test wraps): it is there that owners are stopped and killed. Without
   * it they are stopped between calls of the contract only, which proves less.
   */
  readonly subject: (step: () => Promise<void>) => ContractSubject<T, W> | Promise<ContractSubject<T, W>>
  /** The nth value, all different, from 0. */
  readonly value: (n: number) => T
  /** So many commits in a row make the sink tidy up its ledger, if it ever does. Default 12. */
  readonly commits?: number
  /**
   * True: opening fences before it reads, as Kafka makes it do. A stale opening that is stopped in between and goes on then
   * costs its successor the writer: that is told `SinkUnavailable`, nothing of its transaction is committed, and the next
   * owner goes on. Default false: a stale opening harms nobody.
   */
  readonly fencesFirst?: boolean
}

export interface ContractCheck {
  /** The sentence that is checked. */
  readonly name: string
  /** Rejects with `ContractBroken`, or with what the sink threw. */
  readonly run: () => Promise<void>
}

/** All checks, independent of each other, in no need of order. */
export function sinkContract<T, W>(options: SinkContractOptions<T, W>): readonly ContractCheck[] {
  // Checks pass values through and look at none.
  const untyped = options as unknown as SinkContractOptions<unknown, unknown>
  const plain = [...commitChecks, ...ownerChecks, ...crowdChecks].map(({ name, run }) => {
    return { name, run: () => World.with(untyped, run) }
  })
  const stopped = stopChecks.map(({ name, run }) => {
    return { name, run: () => everyStop(untyped, run) }
  })
  return [...plain, ...stopped]
}

async function everyStop(options: SinkContractOptions<unknown, unknown>, run: StopCheck['run']): Promise<void> {
  for (let stopAt = 0; ; stopAt++) {
    try {
      if (!(await World.with(options, (world) => run(world, stopAt)))) return
    } catch (error) {
      throw new ContractBroken(`stopped at step ${stopAt}: ${reasonOf(error)}`, { cause: error })
    }
  }
}

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Owner } from '../../../src/definition/sink.js'
import { SessionRegistry } from '../../../src/engine/registry.js'
import { Session } from '../../../src/engine/session.js'
import { BreakableSink } from './breakable-sink.js'
import { owner } from './claims.js'
import { LogSource } from './log-source.js'
import { NEVER_MS, Task } from './task.js'

const key = { pipeline: 'registered', stage: 'main', partition: 0 }

let registry: SessionRegistry
let log: LogSource
let out: BreakableSink
let task: Task

beforeEach(() => {
  registry = new SessionRegistry()
  log = new LogSource()
  out = new BreakableSink('out')
  const pipeline = definePipeline({
    name: 'registered',
    sources: { numbers: log.source() },
    steps: ({ numbers }) => numbers.to('out', out.sink<number>()),
  })
  task = new Task(pipeline)
})
afterEach(async () => {
  await registry.close()
})

const open = (as: Owner): Promise<Session> =>
  Session.open(task.host, task.blueprint, task.stage(), { ...task.claimInput(), owner: as })

const claim = (as: Owner, before: () => Promise<void> = async () => undefined): Promise<Session> =>
  registry.claim(key, as, async () => {
    const session = await open(as)
    await before()
    return session
  })

/** A claim that has opened its ledgers, and is held up before it is done. */
function heldUp(as: Owner): {
  readonly claimed: Promise<Session>
  readonly opened: Promise<void>
  readonly goOn: () => void
} {
  let goOn = (): void => undefined
  let reach = (): void => undefined
  const opened = new Promise<void>((resolve) => (reach = resolve))
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const claimed = claim(as, async () => {
    reach()
    await gate
  })
  claimed.catch(() => undefined)
  return { claimed, opened, goOn: () => goOn() }
}

describe('one session per task', () => {
  test('is found until it is closed', async () => {
    expect(registry.find(key)).toBeUndefined()
    const session = await claim(owner(1, 1, 1))
    expect(registry.find(key)).toBe(session)
    expect(registry.find({ ...key, partition: 1 })).toBeUndefined()
    expect([registry.size, registry.all]).toEqual([1, [session]])
    await session.close()
    expect([registry.find(key), registry.size, registry.all]).toEqual([undefined, 0, []])
  })

  test('a newer claim ends the session of the older one before it opens', async () => {
    const first = await claim(owner(1, 1, 1))
    let closedBefore = false
    const second = await registry.claim(key, owner(1, 1, 2), async () => {
      closedBefore = first.closed
      return await open(owner(1, 1, 2))
    })
    expect(closedBefore).toBe(true)
    expect(registry.find(key)).toBe(second)
  })

  test('an older claim is refused before it touches a ledger', async () => {
    await claim(owner(1, 2, 1))
    const before = out.did.length
    await expect(claim(owner(1, 1, 99))).rejects.toMatchObject({
      code: 'GenerationFenced',
      details: { owner: owner(1, 1, 99), ledgerOwner: owner(1, 2, 1) },
    })
    expect(out.did).toHaveLength(before)
  })

  test('an older claim is refused while a newer one opens', async () => {
    const newer = heldUp(owner(1, 1, 2))
    await newer.opened
    await expect(claim(owner(1, 1, 1))).rejects.toMatchObject({ code: 'GenerationFenced' })
    newer.goOn()
    const session = await newer.claimed
    expect(registry.find(key)).toBe(session)
  })

  test('a claim that is overtaken while it opens is closed, whoever is done first', async () => {
    for (const slowFirst of [true, false]) {
      registry = new SessionRegistry()
      const base = slowFirst ? 10 : 20
      const slow = heldUp(owner(1, 1, base))
      await slow.opened
      const fast = heldUp(owner(1, 1, base + 1))
      await fast.opened
      for (const one of slowFirst ? [slow, fast] : [fast, slow]) {
        one.goOn()
        await one.claimed.catch(() => undefined)
      }
      await expect(slow.claimed).rejects.toMatchObject({
        code: 'GenerationFenced',
        details: { ledgerOwner: owner(1, 1, base + 1) },
      })
      expect(registry.find(key)).toBe(await fast.claimed)
      expect(log.opened.length - log.closed, 'readers that are open').toBe(1)
      await registry.close()
    }
  })

  test('counts what is being claimed: a worker takes no more than it can hold', async () => {
    const slow = heldUp(owner(1, 1, 1))
    expect(registry.size).toBe(1)
    await slow.opened
    slow.goOn()
    await slow.claimed
    expect(registry.size).toBe(1)
    const again = heldUp(owner(1, 1, 2))
    expect(registry.size).toBe(1)
    again.goOn()
    await again.claimed
  })

  test('a claim that fails leaves nothing behind', async () => {
    const failing = registry.claim(key, owner(1, 1, 1), () => Promise.reject(new Error('no ledger')))
    await expect(failing).rejects.toThrow('no ledger')
    expect(registry.size).toBe(0)
    await claim(owner(1, 1, 1))
  })
})

describe('release', () => {
  test('closes the session of that very owner, and no other', async () => {
    const session = await claim(owner(1, 1, 2))
    await registry.release(key, owner(1, 1, 1), 0)
    await registry.release(key, owner(1, 1, 2, 'other'), 0)
    await registry.release({ ...key, partition: 9 }, owner(1, 1, 2), 0)
    expect(session.closed).toBe(false)
    await registry.release(key, owner(1, 1, 2), 0)
    expect([session.closed, registry.find(key)]).toEqual([true, undefined])
  })
})

describe('shutting down', () => {
  const epoch = (session: Session) =>
    session.run({
      ...key,
      owner: session.owner,
      epoch: 1,
      time: 1_000,
      seed: 'seed',
      positions: { numbers: '0' },
      until: null,
      counters: task.state.counters,
      checkpointMs: NEVER_MS,
      idleMs: NEVER_MS,
      heartbeatMs: NEVER_MS,
    })

  test('ends epochs under way as released, with what they have read', async () => {
    const session = await claim(owner(1, 1, 1))
    log.append(1)
    const running = epoch(session)
    await new Promise((resolve) => setTimeout(resolve, 20))
    registry.shutDown()
    expect(await running).toMatchObject({ ended: 'released', read: 1 })
  })

  test('sessions that are claimed meanwhile give way at once', async () => {
    registry.shutDown()
    const session = await claim(owner(1, 1, 1))
    log.append(1)
    expect(await epoch(session)).toMatchObject({ ended: 'released', read: 0 })
  })

  test('the epochs of some tasks end as orphaned', async () => {
    const session = await claim(owner(1, 1, 1))
    const running = epoch(session)
    registry.interrupt(({ claim: { pipeline } }) => pipeline === 'another', 'orphaned')
    registry.interrupt(({ claim: { pipeline } }) => pipeline === 'registered', 'orphaned')
    expect(await running).toMatchObject({ ended: 'orphaned' })
  })

  test('waits for epochs to end, and gives up one that does not', async () => {
    const session = await claim(owner(1, 1, 1))
    const running = epoch(session)
    running.catch(() => undefined)
    await registry.allHandedBack(1, 100)
    await expect(running).rejects.toThrow('aborted')
    expect(session.closed).toBe(true)
  })

  test('close ends all sessions', async () => {
    const session = await claim(owner(1, 1, 1))
    await registry.close()
    expect([session.closed, registry.size]).toEqual([true, 0])
  })
})

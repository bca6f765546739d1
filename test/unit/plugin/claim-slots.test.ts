import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SessionRegistry } from '../../../src/engine/registry.js'
import { claimSlots } from '../../../src/plugin/claim-slots.js'

type Supplier = CustomSlotSupplier<ActivitySlotInfo>
type Context = Parameters<Supplier['reserveSlot']>[0]
type UseContext = Parameters<Supplier['markSlotUsed']>[0]

/** Tasks held: what the registry counts. */
let held: number
let slots: Supplier

const context = {} as Context
const { signal } = new AbortController()
const using = (permit: SlotPermit): UseContext => ({ permit }) as UseContext

beforeEach(() => {
  held = 0
  const registry = {
    get size() {
      return held
    },
  }
  slots = claimSlots(registry as SessionRegistry, 2)
})

const tried = (): SlotPermit => {
  const permit = slots.tryReserveSlot(context)
  if (permit === null) throw new Error('no slot')
  return permit
}

describe('a worker polls for claims', () => {
  test('only as long as it may hold more tasks, those under way included', async () => {
    await slots.reserveSlot(context, signal)
    await slots.reserveSlot(context, signal)
    expect(slots.tryReserveSlot(context)).toBeNull()
  })

  test('and not while it holds all it may', () => {
    held = 2
    expect(slots.tryReserveSlot(context)).toBeNull()
    held = 1
    tried()
    expect(slots.tryReserveSlot(context)).toBeNull()
  })

  test('from the use of a slot on the registry counts it, and its release counts no second time', () => {
    const permit = tried()
    slots.markSlotUsed(using(permit))
    held = 1
    const second = tried()
    expect(slots.tryReserveSlot(context)).toBeNull()
    slots.releaseSlot(using(permit))
    expect(slots.tryReserveSlot(context)).toBeNull()
    slots.releaseSlot(using(second))
    tried()
    expect(slots.tryReserveSlot(context)).toBeNull()
  })

  test('again once a slot was given back unused', () => {
    const permits = [tried(), tried()]
    for (const permit of permits) slots.releaseSlot(using(permit))
    tried()
    tried()
    expect(slots.tryReserveSlot(context)).toBeNull()
  })

  test('as soon as a task is gone', async () => {
    held = 2
    let reserved = false
    const waiting = slots.reserveSlot(context, signal).then(() => (reserved = true))
    await delay(80)
    expect(reserved).toBe(false)
    held = 1
    await waiting
    expect(slots.tryReserveSlot(context)).toBeNull()
  })

  test('until it shuts down: the wait ends with the reason of the signal', async () => {
    held = 2
    const abort = new AbortController()
    const waiting = slots.reserveSlot(context, abort.signal)
    const reason = new Error('shutting down')
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    held = 0
    await expect(slots.reserveSlot(context, abort.signal)).rejects.toBe(reason)
    tried()
    tried()
  })
})

import { setTimeout as delay } from 'node:timers/promises'
import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit } from '@temporalio/worker'
import type { SessionRegistry } from '../engine/registry.js'

const LOOK_MS = 50

interface ClaimPermit extends SlotPermit {
  used: boolean
}

/** Lets a worker poll for claims only while it holds fewer tasks than it may: others then get them. */
export function claimSlots(registry: SessionRegistry, maxTasks: number): CustomSlotSupplier<ActivitySlotInfo> {
  let reserved = 0
  const reserve = (): ClaimPermit | null => {
    if (registry.size + reserved >= maxTasks) return null
    reserved++
    return { used: false }
  }
  const free = (permit: SlotPermit): void => {
    const claim = permit as ClaimPermit
    if (!claim.used) reserved--
    claim.used = true
  }
  return {
    type: 'custom',
    async reserveSlot(_context, signal) {
      for (;;) {
        signal.throwIfAborted()
        const permit = reserve()
        if (permit !== null) return permit
        // The SDK logs anything but the signal's own reason as an error.
        await delay(LOOK_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    },
    tryReserveSlot: reserve,
    // From here on the registry counts it.
    markSlotUsed: (context) => free(context.permit),
    releaseSlot: (context) => free(context.permit),
  }
}

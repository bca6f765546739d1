import type { UpdateDefinition } from '@temporalio/common'
import { z } from 'zod'

export const Flight = z.object({
  date: z.coerce.date(),
  origin: z.string(),
  destination: z.string(),
  delay: z.number(),
})
export const Order = z.object({
  id: z.string(),
  customerId: z.string(),
  total: z.number(),
  at: z.number(),
  country: z.enum(['DE', 'FR']),
})
export const Click = z.object({ user: z.string(), page: z.string(), at: z.number() })
export const Event = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('order'), total: z.number() }),
  z.object({ kind: z.literal('refund'), amount: z.number() }),
  z.object({ kind: z.literal('ping') }),
])

/** Workflows and an update of a user's own. */
export declare function orderSaga(order: z.output<typeof Order>, priority: 'high' | 'low'): Promise<string>
export declare function customerAccount(customerId: string): Promise<void>
export declare const addOrder: UpdateDefinition<void, [orderId: string, total: number]>

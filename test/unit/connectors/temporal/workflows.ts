/** Workflows that pipelines start and update: a user's own. */
import { ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow'

export async function shipment(order: string, weight: number): Promise<string> {
  return `${order} weighs ${weight}`
}

export const add = defineUpdate<number, [amount: number]>('add')

/** Adds up, until it is ended. */
export async function account(): Promise<void> {
  let balance = 0
  setHandler(
    add,
    (amount) => {
      if (amount === 13) throw ApplicationFailure.nonRetryable('not thirteen')
      balance += amount
      return balance
    },
    {
      validator: (amount) => {
        if (amount < 0) throw new Error('only more')
      },
    },
  )
  await condition(() => false)
}

import { expect, test } from 'vitest'
import { discoverPartitions } from '../../../src/control/discover.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import { numbers, transactional } from '../definition/parts.js'
import { contextOf } from './contexts.js'

const counted = (counts: Readonly<Record<'orders' | 'payments', number>>) => {
  const { orders, payments } = counts
  const pipeline = definePipeline({
    name: 'paid',
    sources: {
      orders: numbers({ partitions: async () => orders }),
      payments: numbers({ partitions: async () => payments }),
    },
    steps: (s) => s.orders.merge('both', s.payments).to('out', transactional()),
  })
  const input = { pipeline: 'paid', stage: 'main', count: true, running: [] }
  return discoverPartitions(contextOf([pipeline]), input, new AbortController().signal)
}

test('sources of one stage have to have equally many partitions', async () => {
  expect(await counted({ orders: 4, payments: 4 })).toMatchObject({ partitions: 4 })
  await expect(counted({ orders: 4, payments: 6 })).rejects.toMatchObject({
    code: 'NotCoPartitioned',
    retryable: false,
    message: expect.stringContaining("'orders' has 4, 'payments' has 6"),
    details: { stage: 'main', partitions: { orders: 4, payments: 6 } },
  })
})

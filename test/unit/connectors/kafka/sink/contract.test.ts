import { describe, test } from 'vitest'
import { sinkContract } from '../../../../../src/testing/contract.js'
import { inLanes } from '../../lanes.js'
import { newPlace, readValues, steppedLink } from './places.js'

interface Sample {
  readonly n: number
  readonly text: string
}

describe('the Kafka sink keeps the sink contract', () => {
  const checks = sinkContract({
    async subject(step) {
      const place = await newPlace<Sample>({}, { openLink: steppedLink(step) })
      const { sink, context, topic, transactionalId } = place
      return { sink, context, read: async () => (await readValues(topic, transactionalId)) as Sample[] }
    },
    value: (n): Sample => ({ n, text: `value ${n} "ü"\n` }),
    commits: 3,
    fencesFirst: true,
  })
  const lanes = inLanes(4)
  for (const { name, run } of checks) test.concurrent(name, () => lanes(run), 600_000)
})

import { expect, test } from 'vitest'
import { sinkFailure } from '../../../../../src/connectors/kafka/sink/failure.js'
import { Refusal } from '../../../../../src/connectors/kafka/sink/refusal.js'

const target = {
  at: { pipeline: 'flights', stage: 'main', partition: 3, sink: 'out' },
  target: 'Kafka cluster default',
}

test('a transaction that is never ended: what to do about the broker', () => {
  expect(sinkFailure(target, 'open its ledger', new Refusal(51, 'use transactional id t'))).toMatchObject({
    code: 'SinkUnavailable',
    retryable: true,
    message: expect.stringMatching(/CONCURRENT_TRANSACTIONS.*restart the broker/) as unknown,
  })
})

test('other refusals that pass are told as they are', () => {
  expect(sinkFailure(target, 'open its ledger', new Refusal(14, 'use transactional id t'))).toMatchObject({
    code: 'SinkUnavailable',
    message: expect.stringMatching(/when asked to use transactional id t$/) as unknown,
  })
})

import { describe, expect, test } from 'vitest'
import { kafkaSink, kafkaSource } from '../../../../../src/connectors/kafka/index.js'
import { ledgerNames } from '../../../../../src/connectors/kafka/sink/ledger-names.js'
import { blueprintOf } from '../../../../../src/definition/blueprint-of.js'
import { deadLetter } from '../../../../../src/definition/dead-letter-policy.js'
import { definePipeline } from '../../../../../src/definition/define-pipeline.js'
import { bytes } from '../../../../../src/definition/serdes/bytes.js'
import { ledgerGroups, sinksOf } from '../../../../../src/engine/open-ledgers.js'
import type { Duration } from '../../../../../src/units.js'
import { InvalidDefinition } from '../../../../../src/errors/definition.js'

const source = kafkaSource({ topic: 'numbers', value: bytes() })

describe('wrong options are faults of the definition', () => {
  const wrong: [object, string, string][] = [
    [{ topic: 'no topic!' }, 'steps.out.topic', 'must be 1 to 249 letters'],
    [{ topic: 7 }, 'steps.out.topic', 'must be the name of a topic, or a function that returns one'],
    [{ topic: 'a', value: {} }, 'steps.out.value.encode', 'must be a function'],
    [{ topic: 'a', key: 'k' }, 'steps.out.key', 'must be a function'],
    [{ topic: 'a', compression: 'zip' }, 'steps.out.compression', "must be 'none', 'gzip', 'snappy' or 'lz4'"],
    [{ topic: 'a', transactionTimeout: '1h' }, 'steps.out.transactionTimeout', 'must be at most 900000 ms'],
    [{ topic: 'a', transactionTimeout: 'soon' }, 'steps.out.transactionTimeout', 'is no duration'],
    [{ topic: 'a', partitions: 3 }, 'steps.out.partitions', 'is not an option'],
  ]
  test.each(wrong)('%j', (options, path, message) => {
    const define = () =>
      definePipeline({
        name: 'wrong',
        sources: { numbers: source },
        steps: ({ numbers }) => numbers.to('out', kafkaSink(options as Parameters<typeof kafkaSink>[0])),
      })
    const found = (() => {
      try {
        return define()
      } catch (error) {
        return error
      }
    })()
    expect(found).toBeInstanceOf(InvalidDefinition)
    expect((found as InvalidDefinition).details.faults).toEqual([
      expect.objectContaining({ path, message: expect.stringContaining(message) as unknown }),
    ])
  })
})

describe('a transaction time-out below twice the commit interval is a fault of the definition', () => {
  const defined = (interval: Duration, transactionTimeout: Duration, letters: Duration = '1m') =>
    definePipeline({
      name: 'clock',
      sources: { numbers: source },
      steps: ({ numbers }) => numbers.to('out', kafkaSink({ topic: 'a', transactionTimeout })),
      onError: deadLetter(kafkaSink({ topic: 'd', transactionTimeout: letters })),
      commit: { interval },
    })
  const fault = (path: string, message: string) =>
    expect.objectContaining({ details: expect.objectContaining({ faults: [{ path, message }] }) as unknown }) as unknown

  test('of the sink, or of dead letters', () => {
    expect(() => defined('40s', '1m', '2m')).toThrow(
      fault(
        'steps.out',
        'has a transaction time-out of 60000 ms, which must be at least twice the commit interval, 40000 ms',
      ),
    )
    expect(() => defined('1s', '1m', '1500ms')).toThrow(
      fault(
        'onError.sink',
        'has a transaction time-out of 1500 ms, which must be at least twice the commit interval, 1000 ms',
      ),
    )
  })

  test('and not from there on', () => {
    expect(() => defined('30s', '1m')).not.toThrow()
  })
})

test('the Kafka sinks of a stage on one cluster have one ledger, dead letters among them', () => {
  const blueprint = blueprintOf(
    definePipeline({
      name: 'shared',
      sources: { numbers: source },
      steps: ({ numbers }) => [
        numbers.to('one', kafkaSink({ topic: 'a' })),
        numbers.to('two', kafkaSink({ topic: 'b' })),
        numbers.to('far', kafkaSink({ topic: 'c', cluster: 'far' })),
      ],
      onError: deadLetter(kafkaSink({ topic: 'd' })),
    }),
  )
  const [stage] = blueprint.stages
  const groups = stage === undefined ? [] : ledgerGroups(sinksOf(blueprint, stage))
  expect(groups.map(({ id, sinks }) => [id, sinks.map((sink) => sink.id)])).toEqual([
    ['kafka:default', ['one', 'two', 'dead-letters']],
    ['kafka:far', ['far']],
  ])
  expect(blueprint.guarantee.value).toBe('exactly-once')
})

describe('a ledger is called', () => {
  const at = { pipeline: 'bills', stage: 'main', partition: 3 }

  test('by namespace, pipeline, stage and partition, and by its cluster where that isn’t the default one', () => {
    const near = ledgerNames({ ...at, ledgerKey: 'default/bills/main/3/kafka:default' }, 'default')
    expect(near).toMatchObject({
      transactionalId: 'tidemark/default/bills/main/3/kafka:default',
      group: 'tidemark.default.bills.main',
      topic: 'tidemark.default.ledgers',
      partition: 3,
    })
    const far = ledgerNames({ ...at, ledgerKey: 'default/bills/main/3/kafka:far' }, 'far')
    expect(far).toMatchObject({ group: 'tidemark.default.bills.main.far', topic: 'tidemark.default.ledgers' })
    expect(far.mark).not.toBe(near.mark)
  })

  test('as Kafka allows, whatever the namespace', () => {
    const { topic } = ledgerNames({ ...at, ledgerKey: `a b/ü${'x'.repeat(300)}/bills/main/3/kafka:default` }, 'default')
    expect(topic).toMatch(/^[A-Za-z0-9._-]{1,249}$/)
  })
})

import { describe, expect, test } from 'vitest'
import { kafkaSource } from '../../../../src/connectors/kafka/index.js'
import { kafkaConnectionSchema } from '../../../../src/connectors/kafka/kafka-connection.js'
import { sourceDefinitionOf } from '../../../../src/definition/define-source.js'
import { headersOf } from '../../../../src/definition/headers.js'
import type { DecodeContext, Decoder } from '../../../../src/definition/serde.js'
import type { SourceRecord } from '../../../../src/definition/source.js'

const text: Decoder<string> = { decode: (bytes) => Buffer.from(bytes).toString() }

function definitionOf(options: unknown) {
  const definition = sourceDefinitionOf(kafkaSource(options as Parameters<typeof kafkaSource>[0]))
  if (definition === undefined) throw new Error('no source was made')
  return definition
}

const recordOf = (key: string | null, value: string | null): SourceRecord<unknown> => ({
  position: '0',
  next: '1',
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: headersOf([['kind', Buffer.from('x')]]),
})

describe('a Kafka source', () => {
  test('says what it is', () => {
    expect(definitionOf({ topic: 'flights', value: text })).toMatchObject({
      kind: 'kafka',
      replayable: true,
      describe: 'topic flights',
      faults: [],
    })
  })

  test('is keyed where it has a key serde', () => {
    expect(definitionOf({ topic: 'flights', value: text }).key).toBeUndefined()
    expect(definitionOf({ topic: 'flights', value: text, key: text }).key?.(recordOf('k', 'v'))).toBe('k')
  })

  test('tells serdes the topic, the headers and which of both it is', () => {
    const seen: unknown[] = []
    const curious: Decoder<null> = {
      decode: (_, { topic, isKey, headers }: DecodeContext) => {
        seen.push([topic, isKey, headers.get('kind')])
        return null
      },
    }
    const { decode, key } = definitionOf({ topic: 'flights', value: curious, key: curious })
    void decode(recordOf('k', 'v'))
    key?.(recordOf('k', 'v'))
    expect(seen).toEqual([
      ['flights', false, 'x'],
      ['flights', true, 'x'],
    ])
  })

  test('takes a tombstone only where the serde is nullable', () => {
    expect(() => definitionOf({ topic: 't', value: text }).decode(recordOf('k', null))).toThrow(
      'a tombstone (null value); wrap the serde in nullable() to accept it',
    )
    expect(definitionOf({ topic: 't', value: { ...text, nullable: true } }).decode(recordOf('k', null))).toBeNull()
  })

  test('takes a record without a key only where the key serde is nullable', () => {
    const of = (key: Decoder<unknown>) => definitionOf({ topic: 't', value: text, key })
    expect(() => of(text).key?.(recordOf(null, 'v'))).toThrow('a record without a key')
    expect(of({ ...text, nullable: true }).key?.(recordOf(null, 'v'))).toBeNull()
    expect(() => of({ decode: () => Promise.resolve('k') }).key?.(recordOf('k', 'v'))).toThrow('must be synchronous')
  })

  test.each<[string, object, object[]]>([
    ['no topic', { topic: undefined }, [{ path: 'topic', message: 'must be the name of a topic' }]],
    [
      'an empty topic',
      { topic: '' },
      [{ path: 'topic', message: 'must be 1 to 249 letters, digits, dots, underscores or dashes', got: '' }],
    ],
    [
      'a topic that Kafka refuses',
      { topic: '..' },
      [{ path: 'topic', message: 'must be a name that Kafka takes', got: '..' }],
    ],
    ['no serde', { value: 'text' }, [{ path: 'value', message: 'must be a serde', got: 'text' }]],
    ['half a serde', { key: {} }, [{ path: 'key.decode', message: 'must be a function' }]],
    ['an unknown option', { fromBeginning: true }, [{ path: 'fromBeginning', message: 'is not an option' }]],
    [
      'a bad policy',
      { onDataLoss: 'ignore' },
      [{ path: 'onDataLoss', message: "must be 'fail' or 'skip'", got: 'ignore' }],
    ],
    ['a bad start', { startAt: 'beginning' }, [{ path: 'startAt', got: 'beginning' }]],
    ['a start at a time that is none', { startAt: { timestamp: new Date('x') } }, [{ path: 'startAt' }]],
    [
      'a start at an offset that is none',
      { startAt: { offsets: { 0: '-1' } } },
      [{ path: 'startAt.offsets.0', message: 'must be a decimal offset', got: '-1' }],
    ],
    ['several', { topic: 1, cluster: '' }, [{ path: 'topic' }, { path: 'cluster', message: 'must not be empty' }]],
  ])('reports %s', (_, wrong, faults) => {
    const found = definitionOf({ topic: 'flights', value: text, ...wrong }).faults
    expect(found).toMatchObject(faults)
    expect(found).toHaveLength(faults.length)
  })

  test.each([
    'earliest',
    'latest',
    { timestamp: 5 },
    { timestamp: new Date(5) },
    { offsets: {} },
    { offsets: { 0: '0', 17: '9007199254740991' } },
  ])('starts at %j', (startAt) => {
    expect(definitionOf({ topic: 'flights', value: text, startAt }).faults).toEqual([])
  })
})

describe('a connection', () => {
  test.each([
    { brokers: ['a:9092', '10.0.0.1:9093'] },
    { brokers: ['a:9092'], ssl: true, sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' } },
    { brokers: ['a:9092'], clientId: 'x', ssl: { ca: ['pem'] }, connectionTimeout: '3s' },
  ])('may be %j', (connection) => {
    expect(kafkaConnectionSchema.parse(connection)).toEqual(connection)
  })

  test.each([
    [{}, ['brokers']],
    [{ brokers: [] }, ['brokers']],
    [{ brokers: ['kafka://a:9092'] }, ['brokers', 0]],
    [{ brokers: ['a'] }, ['brokers', 0]],
    [{ brokers: ['a:1'], connectionTimeout: 'five' }, ['connectionTimeout']],
    [{ brokers: ['a:1'], connectionTimeout: 0 }, ['connectionTimeout']],
    [{ brokers: ['a:1'], sasl: { mechanism: 'gssapi', username: 'u', password: 'hush' } }, ['sasl', 'mechanism']],
    [{ brokers: ['a:1'], sasl: { mechanism: 'plain', username: 'u', password: 7 } }, ['sasl', 'password']],
    [{ brokers: ['a:1'], retries: 3 }, []],
  ])('may not be %j', (connection, path) => {
    const { error } = kafkaConnectionSchema.safeParse(connection)
    expect(error?.issues[0]?.path).toEqual(path)
    expect(error?.message).not.toContain('hush')
  })
})

/** What a record asks for is checked before anything is sent: a mistake makes the record bad. */
import { expect, test } from 'vitest'
import {
  workflowSinkDefinition,
  workflowUpdateSinkDefinition,
} from '../../../../src/connectors/temporal/workflow-sink.js'
import { outputOf } from '../writing.js'

interface Order {
  readonly id?: unknown
}

const start = { workflow: 'saga', taskQueue: 'sagas', args: () => [] as [] }
const starting = (id: unknown, more: object = {}) =>
  workflowSinkDefinition<Order, []>({ ...start, workflowId: (order) => order.id as string, ...more }).encode(
    outputOf({ id }, 0),
  )
const updating = (id: unknown, updateArgs: () => [] = () => []) =>
  workflowUpdateSinkDefinition<Order, [], []>({
    ...start,
    workflowId: (order) => order.id as string,
    update: 'add',
    updateArgs,
  }).encode(outputOf({ id }, 0))

test.each([starting, updating])('a workflow id that a function gave is used', (encode) => {
  expect(encode('order/1')).toMatchObject({ workflowId: 'order/1', args: [] })
})

test('without a function the id is made of the item', () => {
  expect(workflowSinkDefinition<Order, []>(start).encode(outputOf({}, 0))).toMatchObject({ workflowId: null })
})

test.each([
  [undefined, 'type undefined'],
  [null, 'type object'],
  [7, 'type number'],
  ['', 'an empty text'],
])('%j is no workflow id: the record is bad, and nothing is started under another one', (id, message) => {
  expect(() => starting(id)).toThrow(`workflowId returned`)
  expect(() => starting(id)).toThrow(message)
  expect(() => updating(id)).toThrow(message)
})

test('arguments must be a list: a text would be taken apart', () => {
  const text = (): [] => 'high' as never
  expect(() => starting('a', { args: text })).toThrow('args returned a value of type string')
  expect(() => updating('a', text)).toThrow('updateArgs returned a value of type string')
})

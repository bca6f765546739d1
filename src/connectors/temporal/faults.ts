import type { Fault } from '../../definition/fault.js'
import { parseDuration } from '../../units.js'

type Given = Readonly<Record<string, unknown>>

const OPTIONS =
  'workflow taskQueue args memo connection namespace workflowRunTimeout workflowExecutionTimeout concurrency timeout workflowId'

/** What is wrong with the options of `workflowSink`. */
export function faultsOfStart(options: object): readonly Fault[] {
  const { workflowId, onExisting, againWhenFresh } = options as Given
  const found = new Faults()
  found.check('workflowId', workflowId === undefined || isFunction(workflowId), 'must be a function')
  const known = onExisting === undefined || onExisting === 'fail' || onExisting === 'skip'
  found.check('onExisting', known, "must be 'fail' or 'skip'", onExisting)
  found.check('againWhenFresh', isSwitch(againWhenFresh), 'must be true or false', againWhenFresh)
  const both = againWhenFresh === true && workflowId !== undefined
  found.check('againWhenFresh', !both, 'goes with the default id only: leave out `workflowId`')
  found.checkStart(options, 'workflowSink', ['onExisting', 'againWhenFresh'])
  return found.all
}

/** What is wrong with the options of `workflowUpdateSink`. */
export function faultsOfUpdate(options: object): readonly Fault[] {
  const { workflowId, update, updateArgs } = options as Given
  const found = new Faults()
  found.check('workflowId', isFunction(workflowId), 'must be a function')
  const name = typeof update === 'object' && update !== null ? (update as { readonly name?: unknown }).name : update
  found.check('update', isText(name), "must be an update's name or definition")
  found.check('updateArgs', isFunction(updateArgs), 'must be a function')
  found.checkStart(options, 'workflowUpdateSink', ['update', 'updateArgs', 'dedupes'])
  return found.all
}

class Faults {
  readonly all: Fault[] = []

  check(path: string, right: boolean, message: string, got?: unknown): void {
    if (!right) this.all.push(got === undefined ? { path, message } : { path, message, got })
  }

  /** What both have. */
  checkStart(options: object, factory: string, more: readonly string[]): void {
    const { workflow, taskQueue, args, memo, connection, namespace, concurrency, ...others } = options as Given
    const named = isFunction(workflow) ? workflow.name !== '' : isText(workflow)
    this.check('workflow', named, 'must be a workflow type, or a function with a name')
    this.check('taskQueue', isText(taskQueue), 'must be the name of a task queue', taskQueue)
    this.check('args', isFunction(args), 'must be a function')
    this.check('memo', memo === undefined || isFunction(memo), 'must be a function')
    this.check('connection', connection === undefined || isText(connection), 'must be a name', connection)
    this.check('namespace', namespace === undefined || isText(namespace), 'must be a name', namespace)
    const many = concurrency === undefined || (Number.isInteger(concurrency) && Number(concurrency) > 0)
    const few = many && Number(concurrency ?? 1) <= 1_000
    this.check('concurrency', few, 'must be a whole number from 1 to 1,000', concurrency)
    for (const name of ['timeout', 'workflowRunTimeout', 'workflowExecutionTimeout']) {
      const right = others[name] === undefined || (parseDuration(others[name]) ?? 0) > 0
      this.check(name, right, "must be a duration above zero, as 5000 (ms) or '5s'", others[name])
    }
    const known = [...OPTIONS.split(' '), ...more]
    for (const name of Object.keys(options)) this.check(name, known.includes(name), `is no option of ${factory}`)
  }
}

// What it takes and gives is nobody's business here.
const isFunction = (value: unknown): value is (...args: readonly unknown[]) => unknown => typeof value === 'function'
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isSwitch = (value: unknown): boolean => value === undefined || typeof value === 'boolean'

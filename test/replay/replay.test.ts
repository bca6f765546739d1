import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Worker } from '@temporalio/worker'
import { beforeAll, describe, expect, it } from 'vitest'

/**
 * The promise: workflow code as it is now goes on where runs of older code stand. Each recorded history is replayed; a
 * change that commands anything else, or in another order, fails here and not in production.
 */
const histories = new URL('./histories/', import.meta.url)
const workflowsPath = createRequire(import.meta.url).resolve('tidemark/workflows')

const names = readdirSync(histories, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))

const read = (name: string): { events: { eventType: string }[] } =>
  JSON.parse(readFileSync(new URL(name, histories), 'utf8')) as { events: { eventType: string }[] }

describe('recorded histories', () => {
  let kinds: Set<string>

  beforeAll(() => {
    kinds = new Set(names.flatMap((name) => read(name).events.map((event) => event.eventType)))
  })

  it('cover pauses, claims, parked tasks and continue-as-new, of pipeline and tasks', () => {
    expect(names.filter((name) => name.includes('main')).length).toBeGreaterThan(2)
    expect(names.filter((name) => !name.includes('main')).length).toBeGreaterThan(0)
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW',
        'EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED',
        'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED',
        'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED',
        'EVENT_TYPE_ACTIVITY_TASK_COMPLETED',
      ]),
    )
  })

  it.each(names)('%s replays', async (name) => {
    const history = read(name)
    await Worker.runReplayHistory({ workflowsPath, replayName: name }, history)
  })
})

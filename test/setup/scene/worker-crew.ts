import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { expect } from 'vitest'
import { temporalAddress } from '../shared-servers.js'
import { waitUntil, type WaitOptions } from '../wait-until.js'
import { taskPast } from './task-past.js'
import { leakedWorkers, WorkerProcess } from './worker-process.js'

type Given = 'identity' | 'temporalAddress'

/** The worker processes of one test file, with a client and a directory; `close` leaves nothing of them. */
export class WorkerCrew<S extends Readonly<Record<Given, string>>> {
  readonly members: WorkerProcess[] = []
  readonly directory: string
  readonly client: Client
  private readonly program: string

  private constructor(program: string, directory: string, client: Client) {
    this.program = program
    this.directory = directory
    this.client = client
  }

  /** `program`: of dist/test/fixtures, which takes `S`. */
  static async gather<S extends Readonly<Record<Given, string>>>(program: string): Promise<WorkerCrew<S>> {
    const directory = await mkdtemp(join(tmpdir(), `tidemark-${program}-`))
    const connection = await Connection.connect({ address: temporalAddress() })
    const path = fileURLToPath(new URL(`../../../dist/test/fixtures/${program}.js`, import.meta.url))
    return new WorkerCrew(path, directory, new Client({ connection }))
  }

  async add(settings: Omit<S, Given>): Promise<WorkerProcess> {
    const identity = `worker-${this.members.length + 1}`
    const whole = { ...settings, identity, temporalAddress: temporalAddress() }
    const worker = await WorkerProcess.start({ program: this.program, settings: whole }, this.directory)
    this.members.push(worker)
    return worker
  }

  /** The one of that identity, if it runs. */
  running(identity: string | undefined): WorkerProcess | undefined {
    return this.members.find((worker) => worker.identity === identity && worker.runs)
  }

  /** For 90 s at most; then the ends of all logs are in the error. */
  async until<T>(what: string, look: () => T | Promise<T>, options: WaitOptions = {}) {
    try {
      return await waitUntil(look, { timeoutMs: 90_000, for: what, ...options })
    } catch (error) {
      const logs = this.members.map(({ identity, log }) => `--- ${identity}\n${log.split('\n').slice(-20).join('\n')}`)
      throw new Error(`${what} did not come.\n${logs.join('\n')}`, { cause: error })
    }
  }

  /** What claims of a task found committed beyond its checkpoint, and had to execute again, muted. */
  async foundAhead(taskId: string): Promise<readonly unknown[]> {
    const { activities } = await taskPast(this.client, taskId)
    const claims = activities.filter(({ type }) => type === 'tidemark.claim')
    return claims.map(({ result }) => result['furthest']).filter((at) => at !== null && at !== undefined)
  }

  /** Ends these workflows too. */
  async close(workflowIds: readonly string[]): Promise<void> {
    await Promise.allSettled(this.members.map((worker) => worker.end()))
    for (const id of workflowIds) {
      const handle = this.client.workflow.getHandle(id)
      await handle.terminate('the test is over').catch(() => undefined)
    }
    await this.client.connection.close()
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 })
    expect(leakedWorkers()).toEqual([])
  }
}

import { randomBytes } from 'node:crypto'

/** A name that no other test, test run or leftover of one has: for topics, pipelines, task queues and namespaces. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`
}

/** Workflows of a user's own, for workers that have the plugin beside them. */
import { proxyActivities, sleep } from '@temporalio/workflow'

export interface UsersActivities {
  greet(name: string): Promise<string>
}

const { greet } = proxyActivities<UsersActivities>({ startToCloseTimeout: '10s', retry: { maximumAttempts: 1 } })

export async function greeting(name: string): Promise<string> {
  await sleep(10)
  return await greet(name)
}

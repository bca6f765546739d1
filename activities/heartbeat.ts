import { CompleteAsyncError, Context } from '@temporalio/activity'
import type { WorkerContext } from '../src/control/worker-context.js'

/** What an activity under way learns: its worker shuts down · somebody cancelled it · the server has given it up. */
export type Interruption = 'released' | 'interrupted' | 'lost'

/**
 * Runs `work` with heartbeats. The first is due shortly before the server would miss it, so that work shorter than that
 * sends none: each one that reaches the server is billed. Where user code blocks the event loop for longer, another thread
 * beats; the SDK, which doesn't know, then drops the activity, and its result is told to the server directly.
 */
export async function whileBeating<R>(
  { engine, client }: WorkerContext,
  timeoutMs: number,
  work: () => Promise<R>,
  interrupt?: (reason: Interruption) => void,
): Promise<R> {
  const context = Context.current()
  const { taskToken } = context.info
  const alive = engine.stalls.keepAlive(taskToken, timeoutMs)
  const timer = setInterval(() => context.heartbeat(), Math.max(timeoutMs * 0.5, timeoutMs - 900))
  let dropped = false
  const onAbort = (): void => {
    const { cancellationDetails: why } = context
    if (why?.timedOut === true && alive.byThread) {
      dropped = true
      alive.always()
    } else if (why?.timedOut === true || why?.notFound === true || why?.reset === true) interrupt?.('lost')
    else interrupt?.(why?.workerShutdown === true ? 'released' : 'interrupted')
  }
  context.cancellationSignal.addEventListener('abort', onAbort, { once: true })
  let result: R
  try {
    result = await work()
  } finally {
    clearInterval(timer)
    alive.stop()
    context.cancellationSignal.removeEventListener('abort', onAbort)
  }
  if (!dropped) return result
  await client.activity.complete(taskToken, result)
  throw new CompleteAsyncError()
}

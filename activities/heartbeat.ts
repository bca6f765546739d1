import { Context } from '@temporalio/activity'
import type { StallWatch } from '../src/engine/stall-watch.js'

/** What an activity under way learns: its worker shuts down · somebody cancelled it · the server has given it up. */
export type Interruption = 'released' | 'interrupted' | 'lost'

/**
 * Runs `work` with heartbeats. The first is due shortly before the server would miss it, so that work shorter than that
 * sends none: each one that reaches the server is billed.
 */
export async function whileBeating<R>(
  stalls: StallWatch,
  timeoutMs: number,
  work: () => Promise<R>,
  interrupt?: (reason: Interruption) => void,
): Promise<R> {
  const context = Context.current()
  const stopKeeping = stalls.keepAlive(context.info.taskToken, timeoutMs)
  const timer = setInterval(() => context.heartbeat(), Math.max(timeoutMs * 0.5, timeoutMs - 900))
  const onAbort = (): void => {
    const { cancellationDetails: why } = context
    if (why?.notFound === true || why?.timedOut === true || why?.reset === true) interrupt?.('lost')
    else interrupt?.(why?.workerShutdown === true ? 'released' : 'interrupted')
  }
  context.cancellationSignal.addEventListener('abort', onAbort, { once: true })
  try {
    return await work()
  } finally {
    clearInterval(timer)
    stopKeeping()
    context.cancellationSignal.removeEventListener('abort', onAbort)
  }
}

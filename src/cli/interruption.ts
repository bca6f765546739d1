/** Aborts at the first Ctrl-C or SIGTERM, which then end nothing by themselves; a second one does. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

import type { Fault } from './fault.js'
import type { Graph } from './graph.js'

/** What several sources in one stage ask for: that ids of outputs tell them apart, and that each record waits for its turn. */
export function checkSources({ sources, steps }: Graph): readonly Fault[] {
  if (sources.length < 2) return []
  const ids = sources.map(({ id }) => id)
  const alike = ids.flatMap((id) => {
    const other = ids.find((one) => one.startsWith(`${id}-`) && /^\d/.test(one.slice(id.length + 1)))
    return other === undefined
      ? []
      : [
          {
            path: `sources.${other}`,
            message: `can't be told from partitions of '${id}' in ids of outputs: rename one`,
          },
        ]
  })
  const waiting = steps.filter(({ step }) => !step.deterministic)
  const late = waiting.map(({ id, step }) => ({
    path: `steps.${id}`,
    message: `a ${step.kind} step can't be in a pipeline of several sources yet: put it into one of its own`,
  }))
  return [...alike, ...late]
}

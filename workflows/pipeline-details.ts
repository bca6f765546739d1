import type { PipelineMemo } from '../src/protocol/messages.js'
import type { PipelineState, TaskEntry } from '../src/protocol/pipeline.js'
import { cell, count, offset } from './task-details.js'

/** Longer tables don't fit the server's limit for details (20,000 bytes). */
const ROWS = 100

/** What the Web UI shows of a pipeline under "current details": its pane is small, so what matters comes first. */
export function pipelineDetails(state: PipelineState): string {
  const { plan, tasks, problem, paused } = state
  const troubled = tasks.filter((task) => task.problem !== null)
  const problems = troubled
    .slice(0, 10)
    .map(
      ({ stage, partition, problem: p }) =>
        `- ${stage}/${partition}: **${p?.code}** ${cell(p?.message ?? '')}. What next: ${p?.next}`,
    )
  const head = `**${plan.pipeline}** is ${state.phase}${paused === null ? '' : `: ${cell(paused.reason)}`} · ${plan.guarantee.value}`
  const table = [
    '| task | state | worker | from | read | written |',
    '|---|---|---|--:|--:|--:|',
    ...tasks.slice(0, ROWS).map(row),
  ]
  const stages = plan.stages.map(({ sources, steps, sinks }) =>
    [
      sources.map((s) => s.describe).join(' + '),
      ...steps.map((s) => s.id),
      sinks.map((s) => s.describe).join(' + '),
    ].join(' → '),
  )
  return [
    head,
    ...(problem === null ? [] : [`**${problem.code}**: ${cell(problem.message)}. What next: ${problem.next}`]),
    ...(problems.length === 0 ? [] : [problems.join('\n')]),
    table.join('\n'),
    ...(tasks.length > ROWS ? [`and ${tasks.length - ROWS} more`] : []),
    "Figures are up to half a minute old; each task's own workflow has the newest.",
    ...stages,
  ].join('\n\n')
}

function row({ stage, partition, phase, positions, counters, worker }: TaskEntry): string {
  const next = Object.values(positions).map(offset).join(', ')
  return `| ${stage}/${partition} | ${phase} | ${worker === null ? '–' : cell(worker)} | ${next} | ${count(counters.read)} | ${count(counters.written)} |`
}

/** What the memo says: enough for status without a worker. */
export function pipelineMemo(state: PipelineState): PipelineMemo {
  const { plan, phase, incarnation, tasks, paused, problem } = state
  return {
    phase,
    pipeline: plan.pipeline,
    stages: plan.stages.map((stage) => stage.id),
    guarantee: plan.guarantee,
    incarnation,
    tasks: tasks.map(({ stage, partition }) => ({ stage, partition })),
    paused,
    problem,
  }
}

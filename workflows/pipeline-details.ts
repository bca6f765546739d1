import type { PipelineMemo } from '../src/protocol/messages.js'
import type { PipelineState, TaskEntry } from '../src/protocol/pipeline.js'
import { cell, count, offset } from './task-details.js'

/** Longer tables don't fit the server's limit for details (20,000 bytes). */
const ROWS = 100

/** What the Web UI shows of a pipeline under "current details". */
export function pipelineDetails(state: PipelineState): string {
  const { plan, tasks, problem, paused } = state
  const head = [
    `**${plan.pipeline}** is ${state.phase}${paused === null ? '' : `: ${cell(paused.reason)}`}`,
    `Guarantee: ${plan.guarantee.value} (${cell(plan.guarantee.because)})`,
    ...plan.stages.map(({ sources, steps, sinks }) =>
      [
        sources.map((s) => s.describe).join(' + '),
        ...steps.map((s) => s.id),
        sinks.map((s) => s.describe).join(' + '),
      ].join(' → '),
    ),
  ]
  const troubled = tasks.filter((task) => task.problem !== null)
  const problems = troubled
    .slice(0, 10)
    .map(
      ({ stage, partition, problem: p }) =>
        `- ${stage}/${partition}: **${p?.code}** ${cell(p?.message ?? '')}. What next: ${p?.next}`,
    )
  const rows = tasks.slice(0, ROWS).map(row)
  const more = tasks.length > ROWS ? [`and ${tasks.length - ROWS} more`] : []
  return [
    head.join('\n\n'),
    ...(problem === null ? [] : [`**${problem.code}**: ${cell(problem.message)}. What next: ${problem.next}`]),
    ...(problems.length === 0 ? [] : [problems.join('\n')]),
    [
      '| task | state | next to read, when it last changed state | read | written | worker |',
      '|---|---|---|--:|--:|---|',
      ...rows,
    ].join('\n'),
    ...more,
  ].join('\n\n')
}

function row({ stage, partition, phase, positions, counters, worker }: TaskEntry): string {
  const next = Object.values(positions).map(offset).join(', ')
  return `| ${stage}/${partition} | ${phase} | ${next} | ${count(counters.read)} | ${count(counters.written)} | ${worker === null ? '–' : cell(worker)} |`
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

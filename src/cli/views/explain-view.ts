import type { ExplainedSink, ExplainedStage, ExplainedStep, Explanation } from '../../definition/explain.js'
import type { Colors } from '../terminal.js'
import { table } from './table.js'

/** A pipeline's plan: what reads from what, and what each sink promises. */
export function explainView(
  { pipeline, guarantee, checkpointMs, state, onError, stages }: Explanation,
  colors: Colors,
): string {
  return [
    `${colors.bold(pipeline)}: ${guarantee.value}`,
    `  ${guarantee.because}`,
    `  checkpoint every ${seconds(checkpointMs)}; a bad record ${badRecord[onError]}`,
    ...(state === null ? [] : [`  state in ${state}`]),
    ...stages.map((stage) => stageView(stage)),
  ].join('\n')
}

function stageView({ id, sources, steps, sinks }: ExplainedStage): string {
  const rows = [
    ...sources.map((source) => ['source', source.id, source.kind, '', source.reads]),
    ...steps.map((step) => ['step', step.id, step.kind, step.from.join(', '), '']),
    ...sinks.map((sink) => ['sink', sink.id, sink.kind, sink.from.join(', ') || 'bad records', sink.target]),
  ]
  const columns = ['', 'ID', 'KIND', 'FROM', 'WHERE'].map((title) => ({ title }))
  return [`\nstage ${id}`, indented(table(columns, rows)), '', ...steps.flatMap(callsOf), ...sinks.map(promise)].join(
    '\n',
  )
}

const callsOf = ({ guarantee }: ExplainedStep): readonly string[] =>
  guarantee === undefined ? [] : [`  ${guarantee.value}: ${guarantee.because}`]

function promise({ guarantee: { value, because }, ledger, commitMs }: ExplainedSink): string {
  const commits = commitMs === null ? 'with each checkpoint' : `every ${seconds(commitMs)}`
  return `  ${value}: ${because}${ledger === null ? '' : `; commits ${commits}, ledger ${ledger}`}`
}

const badRecord: Readonly<Record<Explanation['onError'], string>> = {
  fail: 'stops its partition',
  skip: 'is counted and left out',
  deadLetter: 'goes to the sink of dead letters',
}

const seconds = (ms: number): string => `${ms / 1_000} s`
const indented = (text: string): string => text.replace(/^/gm, '  ')

import type { ChannelSpec } from './channel.js'
import type { Fault } from './fault.js'
import type { Graph, SinkNode, SourceNode, Stage, StepNode, StreamRef } from './graph.js'
import type { SourceContext } from './source.js'
import { NotCoPartitioned } from '../errors/definition.js'

/** The first stage's id. Part of workflow ids and ledger keys: never changes. */
const firstStage = 'main'

/** A stage while it is being put together. */
interface Part {
  readonly id: string
  readonly sources: SourceNode[]
  readonly steps: StepNode[]
  readonly sinks: SinkNode[]
  /** The stages whose topics this one reads. */
  readonly before: Set<Part>
}

/**
 * Splits a graph into the parts that run as one, frozen, each behind those it reads from. Behind a repartition step there is
 * a part of its own, which is called like that; all else is the first. What reads several streams puts their steps into one
 * part. A source is read by each part that has a step for it: first come its sources, then what others have written.
 */
export function splitStages(pipeline: string, graph: Graph): readonly [readonly Stage[], readonly Fault[]] {
  const crossings = graph.steps.filter(({ step }) => step.repartition !== undefined)
  const stageOf = namesOf(graph, new Set(crossings.map(({ id }) => id)))
  const timed = timedNodes(graph)
  const parts = new Map<string, Part>()
  const partOf = (id: string): Part => {
    const known = parts.get(id)
    if (known !== undefined) return known
    const part: Part = { id, sources: [], steps: [], sinks: [], before: new Set() }
    parts.set(id, part)
    return part
  }
  const faults: Fault[] = []
  for (const source of graph.sources) {
    const readers = graph.steps.filter(({ inputs }) => inputs.some(({ node }) => node === source.id))
    const stages = new Set(readers.map(({ id }) => stageOf(id)))
    if (readers.length === 0 || graph.sinks.some(({ input }) => input.node === source.id)) stages.add(firstStage)
    for (const id of stages) partOf(id).sources.push(source)
  }
  for (const node of graph.steps) {
    const from = partOf(stageOf(node.id))
    from.steps.push(node)
    if (node.step.repartition === undefined) continue
    const to = partOf(stageOf(behind(node.id)))
    const fault = cross(pipeline, node, from, to, timed.has(node.id))
    if (fault !== null) faults.push({ path: `steps.${node.id}`, message: fault })
  }
  for (const node of graph.sinks) partOf(stageOf(outOf(node.input, crossings))).sinks.push(node)
  // The channels come last: of sinks that share a transaction the first one's settings count.
  const stages = inOrder([...parts.values()]).map(({ id, sources, steps, sinks }): Stage => {
    const ordered = [...sinks.filter((sink) => sink.channel === undefined), ...sinks.filter((sink) => sink.channel)]
    return { id, sources: frozen(sources), steps: frozen(steps), sinks: frozen(ordered) }
  })
  return [frozen(stages), faults]
}

/** Joins two stages at a repartition step; what is wrong with that, or null. */
function cross(pipeline: string, { id, step }: StepNode, from: Part, to: Part, isTimed: boolean): string | null {
  const settings = step.repartition
  // Of what has faults already nothing more is said.
  if (settings === undefined || from.sources.length === 0) return null
  if (comesOf(from, to))
    return 'is read together with steps it comes from: give the other stream steps of its own, from the source on, or repartition both'
  const channel = from.sources.map(({ source }) => source.channel).find((made) => made !== undefined)
  if (channel === undefined) {
    const kinds = [...new Set(from.sources.map(({ source }) => source.kind))].join(', ')
    return `needs a source whose values can be carried on, as Kafka's are: this stage reads ${kinds}`
  }
  const { key, value } = settings
  const senders = countOf(from.sources)
  const partitions: ChannelSpec['partitions'] = async (ctx) =>
    (await asMet({ pipeline, id, partitions: settings.partitions, to }, ctx)) ??
    settings.partitions ??
    (await senders(ctx))
  const spec: ChannelSpec = {
    pipeline,
    id,
    key,
    value,
    senders,
    partitions,
    timed: isTimed ? { idleAfterMs: idlenessOf(from) } : null,
  }
  const { sink, source } = channel(spec)
  from.sinks.push({ id, input: Object.freeze({ node: id, port: 'out' }), sink, channel: spec })
  to.sources.push({ id, source, channel: spec })
  to.before.add(from)
  return null
}

/**
 * As many partitions as the sources have that are read together with a channel; null: there are none. Throws
 * `NotCoPartitioned` where their numbers differ, or another one is asked for.
 */
async function asMet(
  asked: { readonly pipeline: string; readonly id: string; readonly partitions: number | null; readonly to: Part },
  ctx: SourceContext,
): Promise<number | null> {
  const { pipeline, id, partitions, to } = asked
  const counts: Record<string, number> = partitions === null ? {} : { [id]: partitions }
  const met = to.sources.filter(({ channel }) => channel === undefined)
  await Promise.all(
    met.map(async (node) => {
      counts[node.id] = await node.source.partitions({ ...ctx, source: node.id })
    }),
  )
  if (met.length === 0) return null
  const [first = 0, ...others] = Object.values(counts)
  if (others.every((other) => other === first)) return first
  throw new NotCoPartitioned({ pipeline, stage: to.id, partitions: counts })
}

/** Whether `part` is that one, or reads what has come of it. */
function comesOf(part: Part, origin: Part): boolean {
  return part === origin || [...part.before].some((one) => comesOf(one, origin))
}

/** Each behind all those that it reads from. */
function inOrder(parts: readonly Part[]): readonly Part[] {
  const ordered = new Set<Part>()
  const place = (part: Part): void => {
    for (const one of part.before) place(one)
    ordered.add(part)
  }
  for (const part of parts) place(part)
  return [...ordered]
}

/** A stage has as many tasks as the largest of its topics has partitions. */
function countOf(sources: readonly SourceNode[]): ChannelSpec['senders'] {
  return async (ctx: SourceContext) => {
    const counts = sources.map(({ id, source }) => source.partitions({ ...ctx, source: id }))
    return Math.max(...(await Promise.all(counts)))
  }
}

/** After so long without a word a task of that stage counts as idle: as its `eventTime` steps say, else as those before it. */
function idlenessOf({ steps, sources }: Part): number | null {
  const own = steps.filter(({ step }) => step.maxDisorder !== undefined).map(({ step }) => step.settings['idleAfterMs'])
  const before = sources.flatMap(({ channel }) => (channel?.timed == null ? [] : [channel.timed.idleAfterMs]))
  const all = own.length > 0 ? own : before
  return all.every((ms) => typeof ms === 'number') ? Math.max(...all) : null
}

/** Which nodes have event time at their outputs, by id. */
function timedNodes({ sources, steps }: Graph): ReadonlySet<string> {
  // A table takes nobody's time away.
  const timed = new Set(sources.filter(({ table }) => table).map(({ id }) => id))
  for (const { id, step, inputs } of steps)
    if (step.maxDisorder !== undefined || inputs.every(({ node }) => timed.has(node))) timed.add(id)
  return timed
}

/** No id has a space. */
const BEHIND = ' behind'
/** Of what comes out behind a repartition step. */
const behind = (id: string): string => id + BEHIND
// What has no id has faults enough.
const isBehind = (node: string | undefined): boolean => node?.endsWith(BEHIND) === true

const outOf = ({ node }: StreamRef, crossings: readonly StepNode[]): string =>
  crossings.some(({ id }) => id === node) ? behind(node) : node

/** The name of the stage that each step is in, by the step's id, and of what is `behind` one. */
function namesOf(graph: Graph, crossings: ReadonlySet<string>): (node: string) => string {
  const heads = new Map<string, string>()
  const headOf = (node: string): string => {
    const head = heads.get(node) ?? node
    return head === node ? node : headOf(head)
  }
  // A stage is called like what it is behind: of two such the earlier stays.
  const unite = (node: string, other: string): void => {
    const [one, two] = [headOf(node), headOf(other)]
    if (one === two) return
    if (isBehind(two) && !isBehind(one)) heads.set(one, two)
    else heads.set(two, one)
  }
  // Sources hold nothing together: each stage may read them for itself.
  const sources = new Set(graph.sources.map(({ id }) => id))
  for (const { id, inputs } of graph.steps) {
    const from = inputs.filter(({ node }) => !sources.has(node))
    const [first = id, ...others] = from.map(({ node }) => (crossings.has(node) ? behind(node) : node))
    for (const node of [...others, id]) unite(first, node)
  }
  return (node) => {
    const head = headOf(node)
    return isBehind(head) ? head.slice(0, -BEHIND.length) : firstStage
  }
}

/** The nodes are ours, so frozen; what users gave us inside them is not. */
function frozen<T extends object>(nodes: readonly T[]): readonly T[] {
  return Object.freeze(nodes.map((node) => Object.freeze({ ...node })))
}

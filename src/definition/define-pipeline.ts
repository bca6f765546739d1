import { z } from 'zod'
import { reasonOf } from '../errors/base.js'
import { InvalidDefinition } from '../errors/definition.js'
import { pipelineOf } from './blueprint-of.js'
import { checkSource } from './check-connectors.js'
import { checkLedgers } from './check-ledgers.js'
import { checkOnError } from './check-on-error.js'
import { checkDeterminism } from './check-determinism.js'
import { checkCommitClock } from './check-commit-clock.js'
import { checkPlaces } from './check-places.js'
import { checkSources } from './check-sources.js'
import { checkStateBackend } from './check-state-backend.js'
import { checkStateStore } from './check-state-store.js'
import type { Fault } from './fault.js'
import { checkpointsOf, checkpointSchema } from './checkpoint-options.js'
import { bytesSchema, durationSchema, faultsIn, functionSchema } from './faults-of.js'
import { fingerprintOf } from './fingerprint.js'
import type { Graph } from './graph.js'
import { guaranteeOfPipeline } from './guarantee.js'
import { idFault } from './ids.js'
import type { Ends, Pipeline, PipelineOptions, Sinks, UniqueIds } from './pipeline.js'
import { Recorder } from './recorder.js'
import type { AnySource } from './source.js'
import { splitStages } from './stages.js'
import { streamOf, tableOf } from './stream-builder.js'
import { isTable } from './table.js'

const defaultInlineBytes = 128 * 1024

const optionsSchema = z.strictObject(
  {
    name: z.custom<string>((name) => idFault(name, 'kebab') === undefined, {
      error: ({ input }) => idFault(input, 'kebab'),
    }),
    sources: z
      .record(z.string(), z.unknown(), 'must be an object of sources')
      .refine((sources) => Object.keys(sources).length > 0, 'has no source'),
    steps: functionSchema,
    onError: z.unknown().optional(),
    commit: z.strictObject({ interval: durationSchema(50).optional() }, 'must be an object').optional(),
    checkpoint: checkpointSchema.optional(),
    state: z
      .strictObject(
        {
          inlineLimit: bytesSchema(1024, 1024 * 1024).optional(),
          backend: z.unknown().optional(),
          store: z.unknown().optional(),
        },
        'must be an object',
      )
      .refine(({ backend, store }) => store === undefined || backend !== undefined, {
        path: ['store'],
        message: 'goes with `backend`: what lies in history is small',
      })
      .refine(({ inlineLimit, backend }) => inlineLimit === undefined || backend === undefined, {
        path: ['inlineLimit'],
        message: 'goes without `backend`: all state lies there then',
      })
      .optional(),
  },
  'must be an object of options',
)

/**
 * Defines a pipeline and checks all of it: `steps` is run once, now, to see what it builds. Connects nothing, so that
 * clients and tools may import definitions too. Throws `InvalidDefinition` with everything that is wrong, at once.
 */
export function definePipeline<const S extends Readonly<Record<string, AnySource>>, const E extends Ends>(
  options: PipelineOptions<S, E> & UniqueIds<E>,
): Pipeline<S, Sinks<E>> {
  return check(options) as Pipeline<S, Sinks<E>>
}

/** What callers without types may give: anything. */
type Unchecked = Readonly<Partial<Record<keyof PipelineOptions<unknown, unknown>, unknown>>>

function check(given: unknown): Pipeline {
  const options: Unchecked = typeof given === 'object' && given !== null ? given : {}
  const parsed = optionsSchema.safeParse(given, { reportInput: true })
  const faults: Fault[] = parsed.success ? [] : [...faultsIn(parsed.error)]
  const graph = record(options, faults)
  const [onError, wrongOnError] = checkOnError(options.onError)
  const [backend, wrongBackend] = checkStateBackend(options.state)
  const [store, wrongStore] = checkStateStore(options.state)
  const [stages, wrongStages] = splitStages(String(options.name), graph)
  faults.push(...wrongOnError, ...wrongBackend, ...wrongStore, ...wrongStages, ...checkPlaces(graph, onError))
  for (const stage of stages)
    faults.push(
      ...checkLedgers(stage, { onError, backend }),
      ...checkDeterminism(stage, { backend }),
      ...checkSources(stage),
    )
  const clock = {
    commitMs: parsed.data?.commit?.interval ?? null,
    ...checkpointsOf(parsed.data?.checkpoint),
  }
  // Of wrong intervals nothing is known.
  const sinks = stages.flatMap((stage) => stage.sinks)
  if (parsed.success) faults.push(...checkCommitClock({ ...graph, sinks }, onError, clock))
  if (faults.length > 0 || !parsed.success) {
    throw new InvalidDefinition({ pipeline: typeof options.name === 'string' ? options.name : '', faults })
  }
  const { name, state } = parsed.data
  return pipelineOf(
    Object.freeze({
      name,
      stages,
      onError: Object.freeze(onError),
      ...clock,
      backend,
      store,
      inlineBytes: state?.inlineLimit ?? defaultInlineBytes,
      guarantee: Object.freeze(guaranteeOfPipeline(graph, onError)),
      fingerprint: fingerprintOf(stages, onError),
    }),
  )
}

/** Runs `steps` over streams that take down what is done with them. */
function record({ sources, steps }: Unchecked, faults: Fault[]): Graph {
  const recorder = new Recorder()
  const streams: Record<string, unknown> = {}
  const given = typeof sources === 'object' && sources !== null ? Object.entries(sources) : []
  for (const [id, source] of given) {
    const [definition, wrong] = checkSource(source, `sources.${id}`)
    const port = recorder.source(id, definition, isTable(source))
    streams[id] = isTable(source) ? tableOf(port) : streamOf(port)
    recorder.faults.push(...wrong)
  }
  if (typeof steps === 'function' && given.length > 0) run(recorder, () => steps(streams) as unknown)
  faults.push(...recorder.faults)
  return recorder.graph()
}

function run(recorder: Recorder, steps: () => unknown): void {
  let returned: unknown
  try {
    returned = steps()
  } catch (error) {
    // What is missing behind the throw is no fault of its own.
    recorder.fault('steps', `threw: ${reasonOf(error)}`)
    return
  }
  if (returned instanceof Promise) {
    returned.catch(() => {})
    recorder.fault('steps', 'must be synchronous: it returned a promise')
    return
  }
  recorder.finish(returned)
}

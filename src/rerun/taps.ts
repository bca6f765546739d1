import { inspect } from 'node:util'
import type { Blueprint } from '../definition/blueprint.js'
import type { Stage } from '../definition/graph.js'
import type { SinkDefinition } from '../definition/sink.js'
import { ChainedDigest } from '../engine/digest.js'
import { plainBytes } from '../engine/outlet.js'
import type { Push, Step } from '../steps/step.js'
import { atAnotherTime } from './another-time.js'

/** A digest over all that each node hands on, by its id: source, steps and sinks in the order of the plan. */
export class Taps {
  private readonly digests = new Map<string, ChainedDigest>()
  private readonly later: boolean

  /** `later`: the nodes' code sees a wall clock that is a year ahead. */
  constructor(later: boolean) {
    this.later = later
  }

  get all(): ReadonlyMap<string, string> {
    return new Map([...this.digests].map(([id, digest]) => [id, digest.toString()]))
  }

  /** The same pipeline, with one stage tapped. */
  on(blueprint: Blueprint, stage: Stage): Blueprint {
    for (const { id } of [...stage.sources, ...stage.steps, ...stage.sinks]) this.digests.set(id, new ChainedDigest())
    const tapped: Stage = {
      ...stage,
      sources: stage.sources.map(({ id, source, ...more }) => ({
        ...more,
        id,
        source: {
          ...source,
          decode: (record) => {
            const value = this.run(() => source.decode(record))
            if (value instanceof Promise) return value.then((one) => this.noted(id, one))
            return this.noted(id, value)
          },
        },
      })),
      steps: stage.steps.map((node) => ({ ...node, step: this.step(node.id, node.step) })),
      sinks: stage.sinks.map((node) => ({ ...node, sink: this.sink(node.id, node.sink) })),
    }
    return { ...blueprint, stages: blueprint.stages.map((one) => (one.id === stage.id ? tapped : one)) }
  }

  private step(id: string, step: Step): Step {
    return {
      ...step,
      compile: (out, runtime) => {
        const tapped = Object.entries(out).map(([port, push]): [string, Push] => [
          port,
          (value, ctx) => {
            this.note(id, port, value)
            push(value, ctx)
          },
        ])
        const pushes = step.compile(Object.fromEntries(tapped), runtime)
        return pushes.map(
          (push): Push =>
            (value, ctx) =>
              this.run(() => push(value, ctx)),
        )
      },
    }
  }

  private sink<T, W>(id: string, sink: SinkDefinition<T, W>): SinkDefinition<T, W> {
    const { digest = plainBytes } = sink
    return {
      ...sink,
      encode: (output) => {
        const data = this.run(() => sink.encode(output))
        this.digests.get(id)?.update(digest(data), 0)
        return data
      },
    }
  }

  private run<R>(work: () => R): R {
    return this.later ? atAnotherTime(work) : work()
  }

  private noted<T>(id: string, value: T): T {
    this.note(id, 'out', value)
    return value
  }

  private note(id: string, port: string, value: unknown): void {
    this.digests.get(id)?.update(Buffer.from(`${port} ${shown(value)}`), 0)
  }
}

/** Ids of nodes whose outputs differ although those of all nodes before them don't: the first of them, in the plan's order. */
export function firstDifference(a: Taps, b: Taps): string | null {
  const others = b.all
  for (const [id, digest] of a.all) if (others.get(id) !== digest) return id
  return null
}

/** All of it, whatever it is. */
function shown(value: unknown): string {
  return inspect(value, {
    depth: null,
    maxArrayLength: null,
    maxStringLength: null,
    customInspect: false,
    sorted: true,
  })
}

import type { Step } from '../steps/step.js'
import type { AnySinkDefinition } from './define-sink.js'
import type { AnySourceDefinition } from './define-source.js'
import type { Fault } from './fault.js'
import { faultAt } from './faults-of.js'
import type { Graph, SinkNode, SourceNode, StepNode, StreamRef } from './graph.js'
import { deadLettersId, idFault } from './ids.js'

/** One output of a source or step, while the graph is being recorded. */
export interface Port extends StreamRef {
  readonly recorder: Recorder
  /** Where it is, as faults name it: `sources.flights`, `steps.kind.refunds`. */
  readonly path: string
  /** Its values have a typed key. */
  readonly keyed: boolean
  /** Its values have event time. */
  readonly timed: boolean
  used: boolean
}

/** What `.to()` has recorded. */
interface RecordedEnd {
  readonly id: string
  returned: boolean
}

/** Takes down what `steps` builds, node by node, and everything that is wrong with it on the way. */
export class Recorder {
  readonly faults: Fault[] = []
  readonly #sources: SourceNode[] = []
  readonly #steps: StepNode[] = []
  readonly #sinks: SinkNode[] = []
  readonly #ports: Port[] = []
  readonly #ends = new Map<unknown, RecordedEnd>()
  /** What has each id: `the source`, `the map step`. */
  readonly #holders = new Map<string, string>()
  #finished = false

  /** A table has no time of its own: it holds nobody's back. */
  source(id: string, source: AnySourceDefinition | undefined, isTable = false): Port {
    const path = `sources.${id}`
    this.#claim(id, path, 'source', 'property')
    if (source !== undefined) this.#sources.push(isTable ? { id, source, table: true } : { id, source })
    const keyed = source?.key !== undefined
    if (isTable && source !== undefined && !keyed)
      this.fault(path, 'is a table, and needs a key: give it a `key` serde')
    return this.#port({ node: id, port: 'out', path, keyed, timed: isTable })
  }

  /** Records a step that reads `inputs`; gives one port per output of the step. */
  step(id: string, inputs: readonly Port[], step: Step): readonly Port[] {
    this.#mustBeOpen(id)
    this.#claim(id, pathOf(id), `${step.kind} step`, 'kebab')
    this.#steps.push({ id, inputs: Object.freeze(inputs.map((port) => this.#read(port, id))), step })
    const keyed = step.decodeKey !== undefined || inputs.every((input) => input.keyed)
    const timed = step.maxDisorder !== undefined || inputs.every((input) => input.timed)
    return step.ports.map((port) => {
      const path = step.kind === 'branch' || port !== 'out' ? `${pathOf(id)}.${port}` : pathOf(id)
      return this.#port({ node: id, port, path, keyed, timed }, step.sidePorts?.includes(port))
    })
  }

  /** Records an end; `end` is what `steps` has to return for it. */
  end(id: string, input: Port, sink: AnySinkDefinition | undefined, end: object): void {
    this.#mustBeOpen(id)
    this.#claim(id, pathOf(id), 'sink', 'kebab')
    const ref = this.#read(input, id)
    if (sink !== undefined) this.#sinks.push({ id, input: ref, sink })
    this.#ends.set(end, { id, returned: false })
  }

  /** Checks what `steps` returned, and that nothing was left lying about. */
  finish(returned: unknown): void {
    this.#finished = true
    this.#checkReturned(returned)
    for (const { used, path } of this.#ports) {
      if (!used)
        this.fault(path, path.startsWith('sources.') ? 'is not used' : 'is neither used further nor ended with .to()')
    }
  }

  fault(path: string, message: string, got?: unknown): void {
    this.faults.push(faultAt(path, message, got))
  }

  graph(): Graph {
    return { sources: this.#sources, steps: this.#steps, sinks: this.#sinks }
  }

  #port(port: Omit<Port, 'recorder' | 'used'>, used = false): Port {
    const made: Port = { ...port, recorder: this, used }
    this.#ports.push(made)
    return made
  }

  #read(port: Port, reader: string): StreamRef {
    if (port.recorder !== this) this.fault(pathOf(reader), 'reads a stream of another pipeline')
    port.used = true
    return Object.freeze({ node: port.node, port: port.port })
  }

  #claim(id: unknown, path: string, holder: string, allow: 'kebab' | 'property'): void {
    const wrong = idFault(id, allow)
    if (wrong !== undefined) this.fault(path, `the id of a ${holder} ${wrong}`, id)
    else if (typeof id === 'string') this.#claimGood(id, path, holder)
  }

  #claimGood(id: string, path: string, holder: string): void {
    const other = this.#holders.get(id)
    if (other !== undefined)
      this.fault(path, `the id '${id}' of a ${holder} is taken by ${/^[aeiou]/.test(other) ? 'an' : 'a'} ${other}`)
    else if (id === deadLettersId) this.fault(path, `the id '${id}' is reserved for the sink of dead letters`)
    else this.#holders.set(id, holder)
  }

  #checkReturned(returned: unknown): void {
    if (this.#ends.size === 0) {
      this.fault('steps', 'has no sink: end a stream with .to(id, sink) and return that')
      return
    }
    const ends: readonly unknown[] = Array.isArray(returned) ? returned : [returned]
    for (const end of ends) {
      const known = this.#ends.get(end)
      if (known === undefined)
        this.fault('steps', 'must return what .to(id, sink) returned, or an array of that, and nothing else')
      else if (known.returned) this.fault(pathOf(known.id), 'is returned twice by `steps`')
      else known.returned = true
    }
    if (returned === undefined) return
    for (const { id, returned: was } of this.#ends.values()) {
      if (!was) this.fault(pathOf(id), 'is not among what `steps` returns: return what .to() returned')
    }
  }

  /** A stream that was kept and used after its pipeline was made can change nothing any more. */
  #mustBeOpen(id: string): void {
    if (this.#finished) throw new TypeError(`'${id}' was added after \`steps\` had returned: it would be lost`)
  }
}

function pathOf(id: unknown): string {
  return typeof id === 'string' && id !== '' ? `steps.${id}` : 'steps'
}

import type { Blueprint } from '../definition/blueprint.js'
import type { Item, SinkContext, SinkDefinition } from '../definition/sink.js'
import type { AnySourceDefinition } from '../definition/define-source.js'
import type { SegmentStore, StateBackend } from '../definition/state-backend.js'

/** Sees what would have been written: outputs in their order, after everything that takes them back. */
export type Seen = (items: readonly Item<unknown>[]) => void

/**
 * The same pipeline without hands: sources are read and tell nobody how far, sinks encode and write nothing, fence nobody
 * and keep no receipt, the state backend is read only, and state stays in memory.
 */
export function muted(blueprint: Blueprint, seen: Seen = () => {}): Blueprint {
  const { onError, backend } = blueprint
  return {
    ...blueprint,
    stages: blueprint.stages.map((stage) => ({
      ...stage,
      sources: stage.sources.map((node) => ({ ...node, source: withoutTelling(node.source) })),
      sinks: stage.sinks.map((node) => ({ ...node, sink: mutedSink(node.sink, seen) })),
    })),
    onError: onError.kind === 'deadLetter' ? { ...onError, sink: mutedSink(onError.sink, seen) } : onError,
    backend: backend === null ? null : readOnly(backend),
    store: null,
  }
}

function mutedSink<T, W>(sink: SinkDefinition<T, W>, seen: Seen): SinkDefinition<T, W> {
  const nothing = async (): Promise<void> => {}
  const write = async (items: readonly Item<W>[]): Promise<void> => seen(items)
  if (sink.mode === 'idempotent') {
    return {
      ...sink,
      open: async () => ({
        write: (items: readonly Item<W>[]) => write(items).then(() => ({ failed: [] })),
        close: nothing,
      }),
    }
  }
  return {
    ...sink,
    async open(ctx: SinkContext) {
      ctx.fence(null)
      return { receipt: null, write, commit: nothing, abort: nothing, close: nothing }
    },
    inspect: async () => null,
  }
}

function withoutTelling(source: AnySourceDefinition): AnySourceDefinition {
  return {
    ...source,
    async open(ctx) {
      const reader = await source.open(ctx)
      return {
        ...(reader.identity !== undefined && { identity: reader.identity }),
        poll: (limits) => reader.poll(limits),
        close: () => reader.close(),
      }
    },
  }
}

/** Opened when something is read: opening may make a directory or a table. */
function readOnly(backend: StateBackend): StateBackend {
  return {
    ...backend,
    async open(ctx) {
      let store: Promise<SegmentStore> | undefined
      const nothing = async (): Promise<void> => {}
      return {
        put: nothing,
        touch: nothing,
        delete: nothing,
        async get(key) {
          store ??= backend.open(ctx)
          return await (await store).get(key)
        },
        async *list() {},
        async close() {
          await (await store)?.close()
        },
      }
    },
  }
}

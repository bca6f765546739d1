import { count } from '../../../src/definition/aggregators/index.js'
import { definePipeline } from '../../../src/definition/define-pipeline.js'
import type { Pipeline } from '../../../src/definition/pipeline.js'
import type { Serde } from '../../../src/definition/serde.js'
import { json } from '../../../src/definition/serdes/index.js'
import { tumbling } from '../../../src/definition/windows.js'
import type { BreakableSink } from './breakable-sink.js'
import type { LogSource } from './log-source.js'

/** How many numbers of each last digit, in windows of 50; numbers are their own times. */
export const windowedDigits = (log: LogSource, out: BreakableSink): Pipeline =>
  definePipeline({
    name: 'windows',
    sources: { numbers: log.source() },
    steps: ({ numbers }) =>
      numbers
        .eventTime('when', (n) => n, { maxDisorder: 0 })
        .keyBy('digit', (n) => n % 10, { key: json() as Serde<number>, alreadyPartitioned: true })
        .window('w', tumbling(50), count())
        .to('out', out.sink()),
  })

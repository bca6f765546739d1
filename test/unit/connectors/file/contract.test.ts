import { describe, test } from 'vitest'
import { nodeDisk } from '../../../../src/connectors/file/disk.js'
import { fileSinkDefinition } from '../../../../src/connectors/file/file-sink.js'
import { sinkContract } from '../../../../src/testing/contract.js'
import { inLanes } from '../lanes.js'
import { newDirectory, outputLines, steppedDisk } from './places.js'

interface Sample {
  readonly n: number
  readonly text: string
}

/** These owners lose power never; what is synced before what is another test's. Half the time is saved. */
const unsynced = { ...nodeDisk, syncDirectory: async () => {} }

describe('the file sink keeps the sink contract', () => {
  const checks = sinkContract({
    async subject(step) {
      const directory = await newDirectory()
      // A buffer of one byte: each write goes to disk, so that each can be stopped there.
      const sink = fileSinkDefinition<Sample>({ directory: directory.path }, steppedDisk(unsynced, step), 1)
      return { sink, read: () => outputLines<Sample>(directory.path), close: directory.remove }
    },
    value: (n): Sample => ({ n, text: `value ${n} "ü"\n` }),
  })
  const lanes = inLanes(4)
  for (const { name, run } of checks) test.concurrent(name, () => lanes(run), 600_000)
})

import { describe, test } from 'vitest'
import { nodeDisk } from '../../../../src/connectors/file/disk.js'
import { fileSinkDefinition } from '../../../../src/connectors/file/file-sink.js'
import { sinkContract } from '../../../../src/testing/contract.js'
import { newDirectory, outputLines, steppedDisk } from './places.js'

interface Sample {
  readonly n: number
  readonly text: string
}

describe('the file sink keeps the sink contract', () => {
  const checks = sinkContract({
    async subject(step) {
      const directory = await newDirectory()
      const sink = fileSinkDefinition<Sample>({ directory: directory.path }, steppedDisk(nodeDisk, step))
      return { sink, read: () => outputLines<Sample>(directory.path), close: directory.remove }
    },
    value: (n): Sample => ({ n, text: `value ${n} "ü"\n` }),
  })
  for (const { name, run } of checks) test(name, run, 120_000)
})

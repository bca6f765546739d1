import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readOutput } from '../../test/oracle/read-output.js'
import { withoutChance } from '../../test/oracle/counted.js'
import { CommitWatch } from '../../test/setup/scene/commits.js'
import { LedgerLog } from './ledger-log.js'
import { SeenOutputs } from './seen.js'
import type { OutputWatch, SinkUnderTest, Target } from './sink.js'

const LOOK_MS = 100

/** Files below `root`, on a disk that all workers share. */
export function fileSinkUnderTest(root: string): SinkUnderTest {
  return {
    servers: {},
    links: {},
    points: {},
    target: (pipeline) => Promise.resolve(fileTarget(join(root, pipeline))),
    close: () => Promise.resolve(),
  }
}

function fileTarget(directory: string): Target {
  const ledgers = new CommitWatch(directory)
  return {
    settings: { kind: 'file', directory },
    watch: () => Promise.resolve(new FileWatch(directory)),
    async read() {
      const lines = await readOutput(directory)
      return new Map([...lines].map(([partition, some]) => [partition, some.map(withoutChance)]))
    },
    async faults(ends) {
      await ledgers.stop()
      const log = new LedgerLog()
      for (const partition of ends.keys()) for (const commit of ledgers.of(partition)) log.take(commit)
      return [...(await ledgers.faults()), ...log.faults(ends)]
    },
  }
}

/** Looks for new files, as someone who takes them in would. That they don't change later is looked at in the end. */
class FileWatch implements OutputWatch {
  private readonly outputs = new SeenOutputs()
  readonly seen = this.outputs.lines
  private readonly directory: string
  private readonly known = new Set<string>()
  private readonly looking: Promise<void>
  private finishing = false

  constructor(directory: string) {
    this.directory = directory
    this.looking = this.watch()
    this.looking.catch(() => undefined)
  }

  async finish(): Promise<void> {
    this.finishing = true
    await this.looking
    await this.look()
  }

  close(): void {
    this.finishing = true
  }

  private async watch(): Promise<void> {
    while (!this.finishing) {
      await this.look()
      await sleep(LOOK_MS)
    }
  }

  private async look(): Promise<void> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    for (const name of names.filter((one) => one.endsWith('.jsonl') && !this.known.has(one)).toSorted()) {
      this.known.add(name)
      const text = await readFile(join(this.directory, name), 'utf8')
      for (const line of text.trimEnd().split('\n')) {
        const named = withoutChance(line)
        this.outputs.take(partitionOf(named), named)
      }
    }
  }
}

/** As `withoutChance` names an output: its partition comes first. What it doesn't understand belongs to none. */
function partitionOf(line: string): number {
  const [, partition] = /^\[(\d+),/.exec(line) ?? []
  return partition === undefined ? -1 : Number(partition)
}

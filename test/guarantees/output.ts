/** Judges a file sink's output by reading the files, with no code of the pipeline: lost, duplicated, out of order. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'vitest'

/** A line of `fileSink({ origin: true })`. */
export interface Line {
  readonly file: string
  readonly partition: number
  readonly position: number
  readonly value: unknown
}

export class Output {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  static async make(): Promise<Output> {
    return new Output(await mkdtemp(join(tmpdir(), 'tidemark-guarantee-')))
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Names of committed files, in the order in which each partition committed them. */
  async files(): Promise<string[]> {
    const names = await readdir(this.directory, { recursive: true })
    return names.filter((name) => name.endsWith('.jsonl')).toSorted((a, b) => basename(a).localeCompare(basename(b)))
  }

  /** Lines of all committed files, or of those of a generation. */
  async lines(generation?: number): Promise<Line[]> {
    const lines: Line[] = []
    const mark = generation === undefined ? '' : `-g${String(generation).padStart(4, '0')}-`
    for (const file of (await this.files()).filter((name) => name.includes(mark))) {
      for (const text of (await readFile(join(this.directory, file), 'utf8')).split('\n')) {
        if (text === '') continue
        const { origin, value } = JSON.parse(text) as {
          origin: { partition: number; position: string }
          value: unknown
        }
        lines.push({ file, partition: origin.partition, position: Number(origin.position), value })
      }
    }
    return lines
  }

  /** Raw lines, of sinks without origins. */
  async texts(): Promise<string[]> {
    const texts: string[] = []
    for (const file of await this.files()) {
      texts.push(...(await readFile(join(this.directory, file), 'utf8')).split('\n').filter((text) => text !== ''))
    }
    return texts
  }

  /** Positions of a partition as they were written. */
  async positions(partition: number, generation?: number): Promise<number[]> {
    return (await this.lines(generation)).filter((line) => line.partition === partition).map((line) => line.position)
  }

  /** Each partition holds the numbers from 0 on: every record once, in order, with its own value. */
  async expectNumbers(counts: readonly number[], generation?: number): Promise<void> {
    const lines = await this.lines(generation)
    for (const [partition, count] of counts.entries()) {
      const own = lines.filter((line) => line.partition === partition)
      expect(verdict(own, count), `partition ${partition}`).toEqual({ lost: [], twice: [], disorder: [], wrong: [] })
    }
    expect(lines.filter((line) => line.partition >= counts.length)).toEqual([])
  }
}

/** What is wrong with one partition's lines; at most some of each. */
function verdict(lines: readonly Line[], count: number): Record<'lost' | 'twice' | 'disorder' | 'wrong', unknown[]> {
  const seen = new Map<number, number>()
  for (const { position } of lines) seen.set(position, (seen.get(position) ?? 0) + 1)
  const lost = Array.from({ length: count }, (_, n) => n).filter((n) => !seen.has(n))
  const twice = [...seen].filter(([, times]) => times > 1).map(([position]) => position)
  const disorder = lines.filter((line, i) => i > 0 && line.position < (lines[i - 1]?.position ?? 0))
  const wrong = lines.filter(({ position, value }) => position >= count || (value as { n?: number }).n !== position)
  return { lost: lost.slice(0, 5), twice: twice.slice(0, 5), disorder: disorder.slice(0, 5), wrong: wrong.slice(0, 5) }
}

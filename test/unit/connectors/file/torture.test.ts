import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimFiles } from './claims.js'
import { newDirectory, outputLines } from './places.js'

/** Real processes, stopped by SIGSTOP wherever they are, continued later, killed now and then. */
const PROCESSES = 4
const SECONDS = 6
/** By then it has been a fight, however busy the machine. */
const AT_MOST_SECONDS = 90

/** Inside the package, so that the compiled files find its dependencies. */
let compiled: string

beforeAll(async () => {
  const cache = join(process.cwd(), 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  compiled = await mkdtemp(join(cache, 'tidemark-torture-'))
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const flags =
    '--ignoreConfig --rootDir . --module nodenext --target es2023 --skipLibCheck --types node --outDir'.split(' ')
  const owner = 'test/unit/connectors/file/torture-owner.ts'
  const result = spawnSync(process.execPath, [tsc, ...flags, compiled, owner], { encoding: 'utf8' })
  expect(result.stdout + result.stderr).toBe('')
}, 300_000)

afterAll(() => rm(compiled, { recursive: true, force: true }))

interface Said {
  readonly seq: number
  readonly claim: number
  readonly position: number
}

test('owners in processes of their own, stopped and killed anywhere: each output once, in order', async () => {
  const directory = await newDirectory()
  const said: Said[] = []
  const complaints: string[] = []
  const start = (): ChildProcess => {
    const script = join(compiled, 'test/unit/connectors/file/torture-owner.js')
    const child = spawn(process.execPath, [script, directory.path], { stdio: ['ignore', 'pipe', 'pipe'] })
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [seq = 0, claim = 0, position = 0] = line.split(' ').map(Number)
      said.push({ seq, claim, position })
    })
    child.stderr.on('data', (data: Buffer) => complaints.push(data.toString()))
    return child
  }
  const kill = async (child: ChildProcess): Promise<void> => {
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }

  const children = Array.from({ length: PROCESSES }, start)
  let stops = 0
  // Many owners, each with commits to show.
  const isFight = (): boolean => new Set(said.map(({ claim }) => claim)).size > 10 && stops > 50
  const end = Date.now() + SECONDS * 1_000
  const latest = Date.now() + AT_MOST_SECONDS * 1_000
  try {
    const torment = async (slot: number): Promise<void> => {
      while (Date.now() < end || (!isFight() && Date.now() < latest)) {
        await sleep(Math.random() * 60)
        const child = children[slot]
        if (child === undefined) return
        child.kill('SIGSTOP')
        stops++
        await sleep(Math.random() * 200)
        if (Math.random() < 0.05) {
          await kill(child)
          children[slot] = start()
        } else child.kill('SIGCONT')
      }
    }
    await Promise.all(children.map((_, slot) => torment(slot)))
  } finally {
    await Promise.all(children.map(kill))
  }

  expect(complaints).toEqual([])
  expect(isFight(), `${stops} stops`).toBe(true)

  const inOrder = said.toSorted((a, b) => a.seq - b.seq)
  for (const [index, { seq, claim, position }] of inOrder.entries()) {
    const next = inOrder[index + 1]
    if (next === undefined) break
    expect(next.seq, 'each seq is committed once').toBeGreaterThan(seq)
    expect(next.claim, `owners never decrease after seq ${seq}`).toBeGreaterThanOrEqual(claim)
    expect(next.position, `positions never decrease after seq ${seq}`).toBeGreaterThanOrEqual(position)
  }

  const last = await claimFiles<number>({ directory: directory.path }, { claim: Number.MAX_SAFE_INTEGER })
  const position = Number(last.writer.receipt?.positions['in'])
  expect(last.writer.receipt?.seq).toBeGreaterThanOrEqual(inOrder.at(-1)?.seq ?? 0)
  expect(position).toBeGreaterThanOrEqual(inOrder.at(-1)?.position ?? 0)
  expect(await outputLines<number>(directory.path)).toEqual(Array.from({ length: position }, (_, n) => n))
  await last.writer.close()
  await directory.remove()
}, 300_000)

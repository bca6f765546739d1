/** Fills a table with more than this process's heap, stored as it goes; the argument is a directory, or nothing. */
import { lmdbStore } from 'tidemark/lmdb'
import { LogSegment } from '../../../dist/src/state/log-segment.js'
import { SegmentWriter } from '../../../dist/src/state/segment.js'
import { Shelf } from '../../../dist/src/state/shelf.js'
import { StepStates } from '../../../dist/src/state/step-states.js'

const [directory] = process.argv.slice(2)
const ENTRIES = 60_000
const PADDING = 2_000

const states = new StepStates()
const table = states.table('step', 'entries')
const task = { namespace: 'n', pipeline: 'p', stage: 'main', partition: 0 }
const values = directory === undefined ? null : await lmdbStore({ directory }).open(task)
const shelf = values === null ? null : new Shelf(values, (_, cause) => cause)
if (shelf !== null) states.useShelf(shelf)

const valueOf = (i) => [i, `${i}`.padEnd(PADDING)]
for (let i = 0; i < ENTRIES; i++) {
  table.set(`key ${i}`, valueOf(i))
  states.journal.forget()
  if (states.changeCount === 500) states.take(500, new SegmentWriter(), new LogSegment())
}
let wrong = 0
for (let n = 0; n < ENTRIES; n++) {
  const i = (n * 7919) % ENTRIES
  const [at, text] = table.get(`key ${i}`)
  if (at !== i || text.length !== PADDING || !text.startsWith(`${i} `)) wrong++
}
process.stdout.write(`${table.size} entries, ${wrong} wrong\n`)
await shelf?.close()

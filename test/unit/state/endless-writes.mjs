/** Writes to the store at that directory until it fails or is killed, 500,000 bytes at a time, and says so. */
import { lmdbStore } from 'tidemark/lmdb'

const [directory, pipeline] = process.argv.slice(2)
const store = lmdbStore({ directory })
const values = await store.open({ namespace: 'n', pipeline, stage: 'main', partition: 0 })
const say = (told) => process.stdout.write(`${JSON.stringify(told)}\n`)
for (let written = 0; ; written += 1_000) {
  try {
    const puts = Array.from({ length: 1_000 }, (_, i) => [written + i, Buffer.alloc(500, written + i)])
    values.write(puts, [])
  } catch (error) {
    say({ failed: error.message, first: values.get(0)?.length, last: values.get(written - 1)?.length })
    await values.close()
    break
  }
  say({ written })
}

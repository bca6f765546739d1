/** A state backend on a real server, through the proxy: each request is known for what it is. */
import { expect, it } from 'vitest'
import { s3StateUnderTest } from '../../../faults/state/s3.js'
import { s3State } from '../../../src/connectors/s3/s3-state.js'
import type { Side } from '../../../faults/proxy/protocol.js'

it('meets a segment that is stored, and one that is read', { timeout: 300_000 }, async () => {
  const state = await s3StateUnderTest()
  const { settings, points } = state
  if (settings?.kind !== 's3') throw new Error(`state is kept ${settings?.kind}`)
  const { bucket, connection } = settings
  const met: string[] = []
  for (const [point, { proxy, name }] of Object.entries(points)) {
    for (const side of ['request', 'response'] satisfies Side[]) {
      proxy.set({ side, name, spring: () => (met.push(`${point} ${side}`), Promise.resolve('pass')) })
    }
  }
  const store = await s3State({ bucket }).open({
    namespace: 'default',
    pipeline: 'kept',
    stage: 'main',
    partition: 0,
    connection: () => connection,
    signal: new AbortController().signal,
  })
  try {
    const key = 'a'.repeat(64)
    await store.put(key, Buffer.from('entries'))
    await store.touch([key])
    for await (const listed of store.list()) expect(listed.key).toBe(key)
    expect(met).toEqual(['state put segment request', 'state put segment response'])
    expect(Buffer.from((await store.get(key)) ?? []).toString()).toBe('entries')
    expect(met.slice(2)).toEqual(['state read segment request', 'state read segment response'])
  } finally {
    await store.close()
    await state.close()
  }
})

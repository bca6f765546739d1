import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StepStates } from '../../../src/state/step-states.js'
import { ChannelClock, type KnownSender } from '../../../src/steps/channel-clock.js'

function clockOf(idleAfterMs: number | null = null, states = new StepStates()): ChannelClock {
  const tables = { known: states.table<KnownSender>('by', 'senders'), own: states.table<number>('by', 'clock') }
  return new ChannelClock(tables, idleAfterMs, () => false)
}

const say = (clock: ChannelClock, partition: number, watermark: number, now = 0): number => {
  clock.hear({ partition, watermark }, now)
  clock.move()
  return clock.watermark
}

describe('the clock behind a repartition', () => {
  test('is the least of all before it, and waits for those that have said nothing', () => {
    const clock = clockOf()
    clock.expect(3, 0)
    expect(say(clock, 0, 10)).toBe(-Infinity)
    expect(say(clock, 2, 5)).toBe(-Infinity)
    expect(say(clock, 1, 7)).toBe(5)
    expect(say(clock, 2, 20)).toBe(7)
    // One that nobody had counted yet.
    expect(say(clock, 3, 1)).toBe(7)
    expect(say(clock, 1, 30)).toBe(7)
    expect(say(clock, 3, 12)).toBe(10)
  })

  test('moves behind the record, or not at all if that is bad', () => {
    const clock = clockOf()
    clock.expect(1, 0)
    expect(clock.hear({ partition: 0, watermark: 5 }, 0)).toBe(true)
    expect(clock.watermark).toBe(-Infinity)
    clock.forget()
    clock.move()
    expect(clock.watermark).toBe(-Infinity)
    expect(say(clock, 0, 5)).toBe(5)
    expect(clock.hear({ partition: 0, watermark: 5 }, 0)).toBe(false)
  })

  test('passes over those that are silent, at the start of an epoch; where all are, it is the latest', () => {
    const clock = clockOf(100)
    clock.expect(2, 0)
    say(clock, 0, 10, 50)
    expect(clock.due).toBe(100)
    const begin = (now: number): number => {
      clock.begin(now)
      clock.move()
      return clock.watermark
    }
    expect(begin(99)).toBe(-Infinity)
    expect(begin(100)).toBe(10)
    // Back again: it is waited for, and time stays.
    expect(say(clock, 1, 3, 110)).toBe(10)
    expect(say(clock, 0, 40, 120)).toBe(10)
    expect(say(clock, 1, 30, 120)).toBe(30)
    // All at once: they are given that time once more.
    expect(begin(500)).toBe(30)
    expect(clock.due).toBe(600)
    expect(begin(600)).toBe(40)
    expect(clock.due).toBeNull()
  })

  test('what was written while it stood still itself is not late', () => {
    const clock = clockOf(100)
    clock.expect(2, 0)
    say(clock, 0, 50, 10)
    expect(say(clock, 1, 20, 10)).toBe(20)
    for (const now of [10_000, 20_000]) {
      clock.begin(now)
      clock.move()
      expect(clock.watermark).toBe(20)
      expect(say(clock, 0, 60, now)).toBe(20)
    }
    expect(say(clock, 1, 30, 20_000)).toBe(30)
  })

  test('where fewer tasks write what it reads from now on, the others are waited for no longer', () => {
    const states = new StepStates()
    const clock = clockOf(null, states)
    clock.expect(3, 0)
    for (const [partition, watermark] of [60, 50, 10].entries()) say(clock, partition, watermark)
    expect(clock.watermark).toBe(10)
    // It may be what a broker has not heard of yet.
    clock.expect(2, 5)
    expect(say(clock, 0, 61, 5)).toBe(10)
    clock.expect(2, 6, true)
    expect(clock.watermark).toBe(10)
    // Another attempt knows as much.
    const restored = new StepStates()
    const again = clockOf(null, restored)
    restored.restore(states.snapshot())
    expect(say(again, 0, 62, 7)).toBe(50)
    expect(say(again, 1, 70, 7)).toBe(62)
    // There may be more again.
    again.expect(3, 8)
    expect(say(again, 0, 80, 9)).toBe(62)
  })

  test('without a time for idleness waits for ever', () => {
    const clock = clockOf()
    clock.expect(2, 0)
    say(clock, 0, 10)
    clock.begin(1e12)
    clock.move()
    expect([clock.watermark, clock.due]).toEqual([-Infinity, null])
  })

  test('is what a plain look at all that was said gives, wherever it is restored', () => {
    const word = fc.record({ partition: fc.nat(3), watermark: fc.nat(50), restore: fc.boolean() })
    const same = fc.property(fc.array(word), (words) => {
      let states = new StepStates()
      let clock = clockOf(null, states)
      clock.expect(3, 0)
      const said = new Map([0, 1, 2].map((partition) => [partition, -Infinity]))
      let high = -Infinity
      for (const { partition, watermark, restore } of words) {
        said.set(partition, Math.max(said.get(partition) ?? -Infinity, watermark))
        high = Math.max(high, Math.min(...said.values()))
        expect(say(clock, partition, watermark)).toBe(high)
        if (!restore) continue
        const segment = states.snapshot()
        states = new StepStates()
        clock = clockOf(null, states)
        states.restore(segment)
        states.restored({})
      }
    })
    fc.assert(same)
  })
})

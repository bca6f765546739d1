import type { Receipt } from '../../definition/sink.js'
import type { Check } from './check.js'
import { compareOwners } from './fence.js'
import { expect, expectEqual, owner, positionOf, upTo } from './world.js'

/** One owner at a time: what a commit is. */
export const commitChecks: readonly Check[] = [
  {
    name: 'the first opening finds no receipt, and commits the fence receipt as it is',
    async run(world) {
      expectEqual(await world.inspect(), null, 'inspect before anything was committed')
      const claim = await world.claim(owner(1, 1, 1))
      expectEqual(claim.writer.receipt, null, 'receipt of the first writer')
      expectEqual(await world.inspect(), claim.fence, 'the receipt in the ledger after opening')
      await world.expectVisible([], 'after opening')
    },
  },
  {
    name: 'a receipt comes back unchanged, however large',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1, 'run-ä"\\/𝄞\n'))
      const rejections: [string, string][] = []
      const receipt: Partial<Receipt> = {
        timersEpoch: 7,
        digest: 'f'.repeat(64),
        fingerprint: 'b'.repeat(64),
        rejections,
      }
      while (JSON.stringify({ ...first.last, ...receipt }).length < 3_900) rejections.push(['out', 'a/b-ü-"1"'])
      const committed = await first.commit(receipt)
      expectEqual(await world.inspect(), committed, 'the receipt in the ledger')
      const second = await world.claim(owner(1, 1, 2))
      expectEqual(second.writer.receipt, committed, 'the receipt of the next writer')
      expectEqual(second.found, committed, 'what ctx.fence is called with')
    },
  },
  {
    name: 'outputs are invisible before the commit, and all there after it',
    async run(world) {
      const claim = await world.claim(owner(1, 1, 1))
      await claim.write(1)
      await claim.write(1_500)
      await claim.write(499)
      await world.expectVisible([], 'before the commit')
      const committed = await claim.commit()
      await world.expectVisible(upTo(2_000), 'after the commit')
      expectEqual(await world.inspect(), committed, 'the receipt in the ledger')
    },
  },
  {
    name: 'commits keep their order, each its own',
    async run(world) {
      const claim = await world.claim(owner(1, 1, 1))
      for (let n = 1; n <= 5; n++) {
        await claim.write(n)
        await claim.commit()
        await world.expectVisible(upTo(claim.position), `after commit ${n}`)
      }
    },
  },
  {
    name: 'a commit without items moves the receipt and shows nothing',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1))
      await first.commit()
      await first.write(2)
      await first.commit()
      await first.write(0)
      const empty = await first.commit({ epoch: 2 })
      await world.expectVisible([0, 1], 'after a commit without items')
      const second = await world.claim(owner(1, 1, 2))
      expectEqual(second.writer.receipt, empty, 'the receipt of the next writer')
      await world.expectVisible([0, 1], 'after the next opening')
    },
  },
  {
    name: 'abort drops what was written since the last commit, and nothing else',
    async run(world) {
      const claim = await world.claim(owner(1, 1, 1))
      await claim.abort()
      await claim.write(2)
      await claim.commit()
      await claim.write(3)
      await claim.abort()
      await world.expectVisible([0, 1], 'after an abort')
      expectEqual(await world.inspect(), claim.last, 'the receipt after an abort')
      await claim.write(1)
      await claim.commit()
      await world.expectVisible([0, 1, 2], 'after the commit that follows an abort')
    },
  },
  {
    name: 'closing commits nothing',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1))
      await first.write(1)
      const committed = await first.commit()
      await first.write(2)
      await first.close()
      await world.expectVisible([0], 'after closing')
      expectEqual(await world.inspect(), committed, 'the receipt after closing')
      const second = await world.claim(owner(1, 1, 2))
      await world.expectVisible([0], 'after the next opening')
      await second.write(1)
      await second.commit()
      await world.expectVisible([0, 1], 'after its commit')
    },
  },
  {
    name: 'inspecting fences nobody',
    async run(world) {
      const claim = await world.claim(owner(1, 1, 1))
      await claim.write(1)
      await world.inspect()
      await claim.commit()
      expectEqual(await world.inspect(), claim.last, 'the receipt in the ledger')
      await world.expectVisible([0], 'after the commit')
    },
  },
  {
    name: 'seq has no gap and owners never decrease, over many openings and commits',
    async run(world) {
      let before: Receipt | null = null
      for (let n = 1; n <= world.commits; n++) {
        const claim = await world.claim(owner(1, Math.ceil(n / 4), n))
        expectEqual(claim.found, before, 'what the next opening finds')
        expectEqual(claim.writer.receipt, before, 'the receipt of the next writer')
        expectEqual(claim.fence.seq, (before?.seq ?? 0) + 1, 'seq of the fence receipt')
        if (before !== null) expect(compareOwners(before.owner, claim.owner) <= 0, 'owners never decrease')
        for (let commit = 0; commit < n % 3; commit++) {
          await claim.write(1)
          await claim.commit()
        }
        before = claim.last
        await claim.close()
        await world.expectVisible(upTo(positionOf(before)), `after opening ${n}`)
      }
    },
  },
  {
    name: 'after many commits the receipt is the last, and all outputs are there',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1))
      for (let n = 0; n < 3 * world.commits; n++) {
        await first.write(n % 2)
        await first.commit()
      }
      await first.close()
      const second = await world.claim(owner(1, 1, 2))
      expectEqual(second.writer.receipt, first.last, 'the receipt of the next writer')
      await world.expectVisible(upTo(first.position), 'after the next opening')
    },
  },
  {
    name: 'the place keeps its name from opening to opening',
    async run(world) {
      const first = await world.claim(owner(1, 1, 1))
      const second = await world.claim(owner(1, 1, 2))
      expectEqual(second.writer.place, first.writer.place, 'the place')
    },
  },
  {
    name: 'the same output is encoded to the same bytes',
    async run(world) {
      const { definition } = world
      const digest = definition.digest ?? ((data: unknown) => data)
      const once = world.items(5, 3).map((item) => digest(item.data))
      const again = world.items(5, 3).map((item) => digest(item.data))
      expectEqual(again, once, 'what the digest runs over')
    },
  },
]

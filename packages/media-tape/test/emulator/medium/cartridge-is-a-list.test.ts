import assert from 'node:assert/strict'
import { createPowerLossStorage, type PowerLossStorage } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import type { Cartridge, CartridgeStore } from '../../../src/emulator/medium/cartridge.ts'
import { directoryCartridges } from '../../../src/emulator/medium/directory-cartridges.ts'
import { memoryCartridges } from '../../../src/emulator/medium/memory-cartridges.ts'
import { spaceBlocks, spaceFilemarks } from '../../../src/emulator/medium/spacing.ts'
import { ListTape } from '../list-tape.ts'
import { propertyRuns } from '../../property-runs.ts'

type Step =
  | { readonly do: 'block'; readonly bytes: number }
  | { readonly do: 'filemark' | 'sync' | 'reopen' }
  | { readonly do: 'stand'; readonly at: number }
  | { readonly do: 'blocks' | 'filemarks'; readonly count: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('block' as const), bytes: fc.nat(40) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('filemark', 'filemark', 'sync', 'reopen') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('stand' as const), at: fc.nat(20) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('blocks', 'filemarks'),
        count: fc.integer({ min: -4, max: 4 }),
      }),
    },
  ),
  { maxLength: 60 },
)

/** Does a step on both; gives the cartridge that is open afterwards. */
async function apply(
  step: Step,
  store: CartridgeStore,
  cartridge: Cartridge,
  tape: ListTape,
  serial: number,
): Promise<Cartridge> {
  const { index } = cartridge
  switch (step.do) {
    case 'block': {
      const data = Buffer.alloc(step.bytes, serial)
      await cartridge.cut(tape.at)
      await cartridge.appendBlock(data, step.bytes >> 1)
      tape.write(Buffer.from(data))
      // The caller's buffer is its own again.
      data.fill(0xff)
      break
    }
    case 'filemark':
      await cartridge.cut(tape.at)
      await cartridge.appendFilemark()
      tape.write(null)
      break
    case 'sync':
      await cartridge.sync()
      assert.equal(cartridge.durableObjects, index.objects)
      break
    case 'reopen':
      await cartridge.close()
      return store.open('TAPE1')
    case 'stand':
      tape.at = Math.min(step.at, tape.list.length)
      break
    default: {
      const space = step.do === 'blocks' ? spaceBlocks : spaceFilemarks
      const spaced = space(index, tape.at, step.count)
      assert.deepEqual(spaced, tape.space(step.do, step.count))
    }
  }
  return cartridge
}

async function compare(cartridge: Cartridge, list: readonly (Buffer | null)[]): Promise<void> {
  const { index } = cartridge
  assert.equal(index.objects, list.length)
  let bytes = 0
  let mediaBytes = 0
  for (const [at, one] of list.entries()) {
    assert.equal(index.isFilemark(at), one === null)
    assert.equal(index.bytesBefore(at), bytes)
    assert.equal(index.mediaBytesBefore(at), mediaBytes)
    if (one === null) continue
    assert.deepEqual(Buffer.from((await cartridge.read(at)) ?? 'damaged'), one)
    bytes += one.length
    mediaBytes += one.length >> 1
  }
}

const inDirectory = (storage: PowerLossStorage): CartridgeStore =>
  directoryCartridges({ files: storage.files, directory: '/library' })

for (const [where, make] of [
  ['in memory', memoryCartridges],
  ['in a directory', () => inDirectory(createPowerLossStorage())],
] as const)
  t.test(`a tape ${where} is a list of blocks and filemarks`, async (t) => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const store = make()
        const tape = new ListTape()
        let cartridge = await store.open('TAPE1')
        for (const [serial, step] of history.entries())
          cartridge = await apply(step, store, cartridge, tape, serial)
        await compare(cartridge, tape.list)
        await cartridge.close()
        await compare(await store.open('TAPE1'), tape.list)
      }),
      propertyRuns(t, 200),
    )
  })

t.test(
  'a loss of power takes objects from the end, down to the durable ones, and damages none',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), fc.nat(200), async (history, powerSeed, losesAt) => {
        let operations = 0
        let armed = true
        const faults = {
          hit: () => armed && operations++ === losesAt,
          pending: [],
          assertAllHit: () => undefined,
        }
        const storage = createPowerLossStorage({ seed: powerSeed, faults })
        const tape = new ListTape()
        /** What was on the tape at some time since it was known to be durable. */
        let lists: (Buffer | null)[][] = [[]]
        let durable = 0
        try {
          const store = inDirectory(storage)
          let cartridge = await store.open('TAPE1')
          for (const [serial, step] of history.entries()) {
            const before = tape.at
            if (step.do === 'block' || step.do === 'filemark') durable = Math.min(durable, before)
            if (step.do === 'block')
              lists.push([...tape.list.slice(0, before), Buffer.alloc(step.bytes, serial)])
            if (step.do === 'filemark') lists.push([...tape.list.slice(0, before), null])
            cartridge = await apply(step, store, cartridge, tape, serial)
            if (step.do !== 'sync' && step.do !== 'reopen') continue
            durable = tape.list.length
            lists = [tape.list]
          }
          storage.lose()
        } catch (error) {
          if ((error as { code?: string }).code !== 'EPOWER') throw error
        }
        armed = false
        storage.restore()
        const cartridge = await inDirectory(storage).open('TAPE1')
        const { index } = cartridge
        assert.ok(index.objects >= durable, `${index.objects} objects are left of ${durable}`)
        const found: (Buffer | null)[] = []
        for (let at = 0; at < index.objects; at++)
          found.push(index.isFilemark(at) ? null : Buffer.from((await cartridge.read(at)) ?? 'damaged'))
        const wasThere = lists.some(
          (list) => found.every((one, at) => sameObject(list[at], one)) && found.length <= list.length,
        )
        assert.ok(wasThere, 'what is left was on the tape in that order')
      }),
      propertyRuns(t, 200),
    )
  },
)

function sameObject(left: Buffer | null | undefined, right: Buffer | null): boolean {
  if (left === undefined) return false
  return left === null || right === null ? left === right : left.equals(right)
}

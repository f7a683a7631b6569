import assert from 'node:assert/strict'
import {
  type ErrorCode,
  type LibraryElement,
  type LibraryPlace,
  NbError,
  type TapeDrive,
  type TapeRobot,
} from '@nb/contracts'
import { declareLacks, type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/** What the suite of `TapeRobot` works on: a library with volumes in its first two slots at least, an empty slot, and empty drives. */
export interface TapeRobotFixture {
  readonly robot: TapeRobot
  /** By number. */
  readonly drives: readonly TapeDrive[]
}

/** What a library may be declared not to do. */
export type TapeRobotLack =
  /** A drive lets go of a volume that is loaded. */
  | 'holds-loaded'
  /** It does not say where the volume in a drive came from. */
  | 'source'
  /** It has no places to import and export. */
  | 'import-export'

type Check = (name: string, body: (fixture: TapeRobotFixture) => Promise<void>) => void

/** The obligations of `TapeRobot`. What a library is declared not to do shows in the names of the tests. */
export function tapeRobotSuite(
  context: SuiteContext,
  setup: SuiteSetup<TapeRobotFixture, TapeRobotLack>,
): void {
  const lacks = declareLacks(context, setup)
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  inventories(check)
  moves(check, !lacks('source'))
  refusals(check)
  drives(check, !lacks('holds-loaded'))
  if (!lacks('import-export')) mail(check)
}

function inventories(check: Check): void {
  check(
    'the inventory has drives, slots, import and export, each numbered from 1',
    async ({ robot, drives }) => {
      const elements = await robot.inventory()
      const kinds = ['drive', 'slot', 'import-export'] as const
      const expected = kinds.flatMap((kind) =>
        elements
          .filter(({ place }) => place.kind === kind)
          .map((_, index): LibraryPlace => ({ kind, number: index + 1 })),
      )
      assert.deepEqual(
        elements.map(({ place }) => place),
        expected,
      )
      const ofDrives = elements.filter(({ place }) => place.kind === 'drive')
      assert.equal(ofDrives.length, drives.length)
      assert.deepEqual(
        ofDrives.map(({ drive }) => drive),
        drives.map(({ name }) => name),
      )
      assert.ok(ofDrives.every(({ barcode }) => barcode === undefined))
      assert.deepEqual(await robot.inventory(), elements)
      const barcodes = elements.flatMap(({ barcode }) => (barcode === undefined ? [] : [barcode]))
      assert.ok(barcodes.length >= 2)
      assert.equal(new Set(barcodes).size, barcodes.length)
    },
  )
}

function moves(check: Check, sources: boolean): void {
  check(
    'a volume that was carried is there, and nowhere else; in a drive it is known where it came from',
    async ({ robot, drives }) => {
      const before = await robot.inventory()
      const barcode = barcodeAt(before, slot(2))
      const free = freeSlot(before)
      await robot.move({ from: slot(2), to: free })
      await robot.move({ from: free, to: mouth(1) })
      const inDrive = await robot.inventory()
      assert.deepEqual(whereIs(inDrive, barcode), [mouth(1)])
      if (sources) assert.deepEqual(at(inDrive, mouth(1)).from, free)
      assert.deepEqual(others(inDrive, barcode), others(before, barcode))
      await (drives[0] as TapeDrive).unload()
      await robot.move({ from: mouth(1), to: slot(2) })
      assert.deepEqual(await robot.inventory(), before)
    },
  )
  check(
    'moves that are asked for at once are made one after the other, in their order',
    async ({ robot }) => {
      const before = await robot.inventory()
      const [first, second] = [barcodeAt(before, slot(1)), barcodeAt(before, slot(2))]
      const free = freeSlot(before)
      await Promise.all([
        robot.move({ from: slot(1), to: free }),
        robot.move({ from: slot(2), to: slot(1) }),
        robot.move({ from: free, to: slot(2) }),
      ])
      const after = await robot.inventory()
      assert.equal(at(after, slot(2)).barcode, first)
      assert.equal(at(after, slot(1)).barcode, second)
      await assert.rejects(robot.move({ from: slot(1), to: free }, { signal: AbortSignal.abort() }), {
        name: 'AbortError',
      })
      assert.deepEqual(await robot.inventory(), after)
    },
  )
}

function refusals(check: Check): void {
  check(
    'an empty source, a full destination and a place that is not there move nothing',
    async ({ robot, drives }) => {
      const before = await robot.inventory()
      const free = freeSlot(before)
      await rejects(robot.move({ from: free, to: mouth(1) }), 'element-empty', { place: describe(free) })
      await rejects(robot.move({ from: mouth(1), to: free }), 'element-empty', { place: 'drive 1' })
      await rejects(robot.move({ from: slot(1), to: slot(2) }), 'element-full', { place: 'slot 2' })
      await rejects(robot.move({ from: slot(1), to: slot(1) }), 'element-full', { place: 'slot 1' })
      for (const nowhere of [slot(0), slot(10_001), mouth(drives.length + 1), slot(1.5)]) {
        await rejects(robot.move({ from: nowhere, to: free }), 'not-found', { place: describe(nowhere) })
        await rejects(robot.move({ from: slot(1), to: nowhere }), 'not-found', { place: describe(nowhere) })
      }
      assert.deepEqual(await robot.inventory(), before)
    },
  )
}

function drives(check: Check, holds: boolean): void {
  check('what is carried to a drive can be loaded there, and read elsewhere', async ({ robot, drives }) => {
    const [drive] = drives
    const other = drives[1] ?? drives[0]
    assert.ok(drive !== undefined && other !== undefined)
    await robot.move({ from: slot(1), to: mouth(1) })
    await drive.load()
    await drive.writeBlock({ data: new Uint8Array(100).fill(7) })
    await drive.writeFilemarks({ count: 1 })
    await drive.unload()
    const there = mouth(drives[1] === undefined ? 1 : 2)
    if (there.number === 2) await robot.move({ from: mouth(1), to: there })
    await other.load()
    const target = new Uint8Array(100)
    assert.equal((await other.readBlock({ target })).kind, 'block')
    assert.deepEqual(target, new Uint8Array(100).fill(7))
    await other.unload()
    await robot.move({ from: there, to: slot(1) })
  })
  if (holds)
    check('a drive does not let go of a volume that is loaded', async ({ robot, drives }) => {
      const [drive] = drives
      assert.ok(drive !== undefined)
      await robot.move({ from: slot(1), to: mouth(1) })
      await drive.load()
      const before = await robot.inventory()
      await rejects(robot.move({ from: mouth(1), to: slot(1) }), 'state-conflict')
      assert.deepEqual(await robot.inventory(), before)
      assert.equal((await drive.position()).object, 0)
      await drive.unload()
      await robot.move({ from: mouth(1), to: slot(1) })
    })
}

function mail(check: Check): void {
  check('volumes go out to be exported, and come in from there', async ({ robot }) => {
    const before = await robot.inventory()
    const out = before.find(
      ({ place, barcode }) => place.kind === 'import-export' && barcode === undefined,
    )?.place
    assert.ok(out !== undefined, 'there is an empty place to export')
    const barcode = barcodeAt(before, slot(1))
    await robot.move({ from: slot(1), to: out })
    assert.deepEqual(whereIs(await robot.inventory(), barcode), [out])
    await robot.move({ from: out, to: slot(1) })
    assert.deepEqual(await robot.inventory(), before)
  })
}

const slot = (number: number): LibraryPlace => ({ kind: 'slot', number })
const mouth = (number: number): LibraryPlace => ({ kind: 'drive', number })
const describe = ({ kind, number }: LibraryPlace): string => `${kind} ${number}`

function at(elements: readonly LibraryElement[], { kind, number }: LibraryPlace): LibraryElement {
  const found = elements.find(({ place }) => place.kind === kind && place.number === number)
  assert.ok(found !== undefined, `there is ${kind} ${number}`)
  return found
}

function barcodeAt(elements: readonly LibraryElement[], place: LibraryPlace): string {
  const { barcode } = at(elements, place)
  assert.ok(barcode !== undefined, `there is a volume in ${describe(place)}`)
  return barcode
}

function freeSlot(elements: readonly LibraryElement[]): LibraryPlace {
  const free = elements.find(
    ({ place, barcode, unlabelled }) => place.kind === 'slot' && barcode === undefined && unlabelled !== true,
  )
  assert.ok(free !== undefined, 'there is an empty slot')
  return free.place
}

function whereIs(elements: readonly LibraryElement[], barcode: string): readonly LibraryPlace[] {
  return elements.filter((one) => one.barcode === barcode).map(({ place }) => place)
}

function others(elements: readonly LibraryElement[], barcode: string): readonly (string | undefined)[] {
  return elements
    .filter(({ place }) => place.kind !== 'drive')
    .map((one) => (one.barcode === barcode ? undefined : one.barcode))
}

async function rejects(call: Promise<unknown>, code: ErrorCode, details: object = {}): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NbError, `an NbError ${code}, not ${String(error)}`)
    assert.equal(error.code, code)
    for (const [name, value] of Object.entries(details)) assert.deepEqual(error.details[name], value, name)
    return true
  })
}

import { createScsiTapeDrive, createScsiTapeRobot, createTapeEmulator } from '@nb/media-tape'
import { createVirtualClock, driven } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { describeFile, describeTape } from '../src/describe.ts'
import { dumpTape } from '../src/dump-tape.ts'
import { beginning, end, fragment, multiplexed, type Objects } from './tapes.ts'

const clock = createVirtualClock()

/** What is told of a tape in an emulated drive, a line for each thing. */
async function linesOf(
  t: Test,
  objects: Objects,
  damaged: readonly number[] = [],
): Promise<readonly string[]> {
  const library = createTapeEmulator(
    { clock },
    {
      ...{ slots: 1, drives: 1, capacityBytes: 1 << 30 },
      volumes: [{ name: 'one', contents: objects, damaged: { reading: damaged } }],
    },
  )
  await library.start()
  t.teardown(() => library.stop())
  const robot = createScsiTapeRobot({ transport: library.transport('changer'), clock })
  const drive = createScsiTapeDrive({ transport: library.transport('drive1'), clock })
  const lines: string[] = []
  await driven(
    clock,
    (async () => {
      await robot.inventory()
      await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
      await drive.load()
      await dumpTape(drive, {
        onTape: (content) => void lines.push(describeTape(content)),
        onFile: (told) => void lines.push(...describeFile(told).split('\n')),
        onEnding: (ending) => void lines.push(ending),
      })
    })(),
  )
  return lines
}

const has = (t: Test, lines: readonly string[], patterns: readonly RegExp[]): void => {
  t.equal(lines.length, patterns.length, lines.join('\n'))
  for (const [index, pattern] of patterns.entries()) t.match(lines[index], pattern)
}

t.test('tapes that are not ours, or hold nothing, are said to be so', async (t) => {
  const label = (text: string): Buffer => Buffer.from(text.padEnd(80))
  t.match(await linesOf(t, []), [/^The tape is blank/])
  t.match(await linesOf(t, [label('VOL1LTFS01              LTFS'), null]), [
    /not ours: it was written by LTFS, its label says LTFS01/,
  ])
  t.match(await linesOf(t, [Buffer.from('AMANDA: TAPESTART')]), [/written by Amanda/])
  t.match(await linesOf(t, [Buffer.alloc(1024, 7)]), [/something that is not known here/])
  t.match(await linesOf(t, [null, null]), [/not known here/])
  t.match(await linesOf(t, [Buffer.alloc(80)], [0]), [/can not be read/])
  const [own] = beginning()
  t.match(await linesOf(t, [own ?? null, Buffer.alloc(100)]), [/label of nb \(volume NBT001\).*damaged/])
})

t.test('a tape that was labelled and no more', async (t) => {
  has(t, await linesOf(t, beginning()), [/^volume NBT001, barcode NBT001L8, pool Offsite/, /^end-of-data$/])
  const empty = [...beginning(), ...end(2, [])]
  has(t, await linesOf(t, empty), [
    /^volume/,
    /^file {4}2 {2}end of the tape: 0 fragments, there is room/,
    /^end$/,
  ])
})

t.test('what a crash leaves: files before it are told, what was begun too', async (t) => {
  const whole = fragment(2)
  const begun = fragment(3, { header: { backupId: 'db1_1' } })
  has(t, await linesOf(t, [...beginning(), ...whole, ...begun.slice(0, 2)]), [
    /^volume/,
    /^file {4}2 {2}image web1_1767323045 /,
    /^file {4}3 {2}DAMAGED: .*begun as fragment 1 of image db1_1, copy 1/,
    /^end-of-data$/,
  ])
  // The footer is there, its filemark is not.
  has(t, await linesOf(t, [...beginning(), ...whole.slice(0, -1)]), [
    /^volume/,
    /^file {4}2 {2}image web1_1767323045 .*the last/,
    /^end-of-data$/,
  ])
})

t.test('what belongs elsewhere or is damaged does not hide what follows', async (t) => {
  const files = [...fragment(2), ...fragment(7), ...fragment(4)]
  const lines = await linesOf(t, [...beginning(), ...files, ...end(5, files)], [9])
  // Object 9: the footer of file 2 (five before the file, then header, two of payload, one of trailer).
  has(t, lines, [
    /^volume/,
    /^file {4}2 {2}DAMAGED: its last block can not be read; begun as fragment 1 of image web1_/,
    /^file {4}3 {2}DAMAGED: .*TAPE_MISPLACED/,
    /^file {4}4 {2}image/,
    /^file {4}5 {2}end of the tape: 3 fragments/,
    /^end$/,
  ])
})

t.test('an end that follows something else is damaged', async (t) => {
  const files = fragment(2)
  const lines = await linesOf(t, [...beginning(), ...files, ...end(3, fragment(2, { paths: ['/other'] }))])
  has(t, lines, [
    /^volume/,
    /^file {4}2 {2}image/,
    /^file {4}3 {2}DAMAGED: .*TAPE_MISPLACED/,
    /^end-of-data$/,
  ])
})

t.test('of a multiplexed file with a damaged stream the others are told', async (t) => {
  const files = multiplexed(2, ['c1_1', 'c2_1'])
  // Behind label, self-description and README, whose filemarks count: five objects.
  const headerOfFirst = 5 + 1
  const lines = await linesOf(t, [...beginning(), ...files, ...end(3, files)], [headerOfFirst])
  has(t, lines, [
    /^volume/,
    /^file {4}2 {2}multiplexed: 2 streams/,
    /^ {2}stream {2}1 {2}DAMAGED: .*image c1_1, copy 1, fragment 1/,
    /^ {2}stream {2}2 {2}image c2_1 .*the last/,
    /^file {4}3 {2}end of the tape/,
    /^end$/,
  ])
})

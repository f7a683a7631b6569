import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LibraryPlace, systemClock, systemFiles } from '@nb/contracts'
import {
  createIscsiSession,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  directoryCartridges,
  readLibraryAccess,
  tgtDriveQuirks,
} from '@nb/media-tape'
import t, { type Test } from 'tap'
import { startTgtd, tgtdMissing } from '../../../packages/media-tape/test/tgtd/tgtd.ts'
import { type DriveOptions, openDrive } from '../src/open-drive.ts'
import { dump, type DumpRun } from './run-dump.ts'
import { wholeTape, write } from './tapes.ts'

const clock = systemClock()
const slot: LibraryPlace = { kind: 'slot', number: 1 }
const mouth: LibraryPlace = { kind: 'drive', number: 1 }

/** A tape of {@link wholeTape}, as people read it. */
function isWhole(t: Test, { code, out, complaints }: DumpRun): void {
  t.equal(complaints, '')
  t.equal(code, 0)
  const lines = out.trimEnd().split('\n')
  const patterns = [
    /^volume NBT001, barcode NBT001L8, pool Offsite, labelled 2026-01-02T03:04:05.678Z, generation g-1$/,
    /^file {4}2 {2}image web1_1767323045 {2}client web1 {2}nightly\/full {2}copy 1 {2}fragment 1, goes on {2}bytes 0–523264$/,
    /^file {4}3 {2}image web1_1767323045 .* fragment 2, the last {2}bytes 523264–1046528 {2}begins on volume NBT000$/,
    /^file {4}4 {2}image db1_1767323100 .* bytes 0–2093056, 523264 in zstd$/,
    /^file {4}5 {2}multiplexed: 2 streams in \d+ blocks$/,
    /^ {2}stream {2}1 {2}image c1_1767323200 .* bytes 0–10240$/,
    /^ {2}stream {2}2 {2}image c2_1767323200 .* bytes 0–10240$/,
    /^file {4}6 {2}end of the tape: 4 fragments, the tape is full, goes on with volume NBT002$/,
  ]
  t.equal(lines.length, patterns.length, out)
  for (const [index, pattern] of patterns.entries()) t.match(lines[index], pattern)
}

t.test('a tape of the emulated library, as a file that is only read', async (t) => {
  const directory = join(t.testdir({}), 'tapes')
  const library = createTapeEmulator(
    { clock, store: directoryCartridges({ files: systemFiles(), directory }) },
    { slots: 2, drives: 1, capacityBytes: 1 << 30, volumes: ['NBT001', 'NBT002'] },
  )
  await library.start()
  const robot = createScsiTapeRobot({ transport: library.transport('changer'), clock })
  const drive = createScsiTapeDrive({ transport: library.transport('drive1'), clock })
  await robot.inventory()
  await robot.move({ from: slot, to: mouth })
  await drive.load()
  await write(drive, wholeTape())
  await library.stop()
  const file = join(directory, 'NBT001.tape')
  const before = readFileSync(file)
  const { mtimeMs } = statSync(file)

  const noTape = join(directory, 'letter.txt')
  writeFileSync(noTape, 'Dear reader')
  const [plain, json, files, blank, gone, none, letter] = await Promise.all([
    dump(file),
    dump(file, '--json', '--files', 'c2_1767323200'),
    dump(file, '--files', 'web1_1767323045'),
    dump(join(directory, 'NBT002.tape')),
    dump(file, '--files', 'nobody_1'),
    dump(join(directory, 'none.tape')),
    dump(noTape),
  ])
  isWhole(t, plain)

  const told = json.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  t.match(told, [
    { tape: { kind: 'nb', volume: { volume: 'NBT001' } } },
    { file: 2, kind: 'fragment', backupId: 'web1_1767323045', payloadBytes: 523_264, lastFragment: false },
    { file: 3, kind: 'fragment', fragment: 2, previousVolume: 'NBT000' },
    { file: 4, kind: 'fragment', compression: 'zstd', payloadBytes: 2_093_056, storedBytes: 523_264 },
    { file: 5, kind: 'multiplexed', streams: [{ stream: 1 }, { stream: 2, backupId: 'c2_1767323200' }] },
    { entry: { path: '/of/c2_1767323200', kind: 'file', sizeBytes: 1000, image: 'c2_1767323200' } },
    { file: 6, kind: 'end', end: { fragments: 4, full: true, nextVolume: 'NBT002' } },
    { ending: 'end' },
  ])
  t.equal(told.length, 8)

  t.same(
    files.out
      .split('\n')
      .filter((line) => line.startsWith('  file'))
      .map((line) => line.split('  ').at(-1)),
    ['/etc/hosts', '/etc/motd', '/srv/data'],
  )
  t.match(files.out, /^ {2}file +0640 +1000 {2}2026-01-02T03:04:05 {2}\/etc\/hosts$/m)
  t.match(blank, { code: 0, out: /^The tape is blank/ })
  t.match(gone, { code: 1, complaints: /no whole fragment of image nobody_1/ })
  t.match(none, { code: 1, complaints: /ENOENT/ })
  t.match(letter, { code: 1, complaints: `${noTape} is no tape` })
  t.match(letter.complaints, /a file NAME\.tape/)
  t.ok(readFileSync(file).equals(before), 'it is as it was')
  t.equal(statSync(file).mtimeMs, mtimeMs)
})

t.test('a tape in a drive of tgtd', { skip: tgtdMissing }, async (t) => {
  const library = await startTgtd({ tapes: 2, drives: 2, tape_mb: 32, smalls: 0 })
  const { portal, target } = library
  t.teardown(() => library.remove())
  const session = createIscsiSession(
    { clock },
    { portal, target, initiatorName: 'iqn.2026-11.example.test:me' },
  )
  const robot = createScsiTapeRobot({ transport: session.unit(3), clock })
  const drive = createScsiTapeDrive({ transport: session.unit(1), clock }, { quirks: tgtDriveQuirks })
  await robot.inventory()
  await robot.move({ from: slot, to: mouth })
  await drive.load()
  await write(drive, wholeTape())
  await drive.unload()
  await session.close()
  const url = `iscsi://${portal.host}:${portal.port}/${target}`

  // The volume that is in the drive.
  isWhole(t, await dump('--tgt', `${url}/1`))
  // It lies in the other drive, until the robot fetches it.
  t.match(await dump('--tgt', '--volume', 'NBT002L8', '--drive', '2', url), {
    code: 0,
    out: /^The tape is blank/,
  })
  const again = createIscsiSession(
    { clock },
    { portal, target, initiatorName: 'iqn.2026-11.example.test:me' },
  )
  const places = await createScsiTapeRobot({ transport: again.unit(3), clock }).inventory()
  await again.close()
  t.same(
    places.flatMap(({ barcode, place }) =>
      barcode === undefined ? [] : [`${barcode} ${place.kind} ${place.number}`],
    ),
    ['NBT001L8 drive 1', 'NBT002L8 slot 2'],
    'what the robot brought is back in its place',
  )
  t.match(await dump('--tgt', '--volume', 'NBT099L8', url), { code: 1, complaints: /no volume NBT099L8/ })

  // In this process, which is faster than one of their own.
  const opening = (name: string, more: Partial<DriveOptions> = {}): Promise<unknown> => {
    const access = readLibraryAccess({ library: `${url}${name}`, environment: {} })
    return openDrive(clock, { access, quirks: tgtDriveQuirks, ...more }).then(
      (opened) => opened.close(),
      (error: unknown) => error,
    )
  }
  const [empty, emptyInLibrary, disk, alone] = [
    await opening('/2'),
    await opening('/3', { number: 2 }),
    await opening('/4'),
    await opening('/1', { number: 1 }),
  ]
  for (const one of [empty, emptyInLibrary])
    t.match(one, {
      code: 'drive-not-ready',
      message: /no volume in LUN 2 \(tape drive, NB VDRIVE\); --volume/,
    })
  t.match(disk, { message: /LUN 4 \(disk, IET VIRTUAL-DISK\) is no tape drive; LUN 1, LUN 2 are/ })
  t.match(alone, { message: /LUN 1 .* is one drive: with --drive and --volume name its library/ })
  t.equal(await opening('/3', { volume: 'NBT001' }), undefined, 'by its id, and by the robot of its library')
  t.match(await opening('/3', { volume: 'NBT00' }), { code: 'not-found' })
  t.equal(
    await opening('/3', { volume: 'NBT002' }),
    undefined,
    'an empty drive is taken where the first has a volume',
  )
})

t.test('wrong usage ends with 2', async (t) => {
  const [help, nothing, drive, other] = await Promise.all([
    dump('--help'),
    dump(),
    dump('iscsi://host', '--drive', 'first'),
    dump('http://host'),
  ])
  t.match(help, { code: 0, out: /Usage: tape-dump/ })
  t.match(nothing, { code: 2, complaints: /name one drive/ })
  t.match(drive, { code: 2, complaints: /--drive is a whole number/ })
  t.match(other, { code: 2, complaints: /a tape library is named iscsi:/ })
  t.notMatch(other.complaints, /SECRET/)
})

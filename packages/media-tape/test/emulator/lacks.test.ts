import { numberSetting, tapeDriveSuite, tapeRobotSuite } from '@nb/test-kit'
import t from 'tap'
import type { CdbName } from '../../src/scsi/cdb-fields.ts'
import { parseOpcodeSupport } from '../../src/scsi/unit-answers.ts'
import { createScsiTapeRobot } from '../../src/smc/scsi-tape-robot.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { loadedDrive, send } from './send.ts'

const seed = numberSetting('NB_SEED', 20_260_101)
const stop = async (fixture: unknown): Promise<void> =>
  (fixture as { emulator: { stop(): Promise<void> } }).emulator.stop()

const variants: Readonly<Record<string, readonly CdbName[]>> = {
  'that does not locate': ['locate-10', 'locate-16'],
  'that tells little of itself': [
    'report-supported-opcodes',
    'log-sense',
    'read-attribute',
    'report-density-support',
    'prevent-allow-medium-removal',
    'mode-select-10',
    'mode-sense-10',
  ],
}

for (const [what, lacks] of Object.entries(variants))
  t.test(`a drive ${what}`, async (t) => {
    tapeDriveSuite(
      t,
      {
        setup: async () => {
          const { emulator, drive: transport, clock } = await loadedDrive({ capacityBytes: 65_536, lacks })
          const drive = createScsiTapeDrive({ transport, clock })
          await drive.load()
          return { emulator, drive, capacityBytes: 65_536 }
        },
        teardown: stop,
        unsupported: ['write-protect'],
      },
      { histories: 5, seed },
    )
  })

t.test('a robot that tells little of itself', async (t) => {
  tapeRobotSuite(t, {
    setup: async () => {
      const {
        emulator,
        drive: transport,
        changer,
        clock,
      } = await loadedDrive({
        slots: 4,
        lacks: ['report-supported-opcodes', 'mode-sense-10', 'log-sense', 'exchange-medium'],
      })
      const named = [{ name: 'drive1', serial: 'EMUD00001' }]
      const drive = createScsiTapeDrive({ transport, clock }, { name: 'drive1' })
      const robot = createScsiTapeRobot({ transport: changer, clock }, { drives: named })
      await drive.unload()
      await robot.inventory()
      await robot.move({ from: { kind: 'drive', number: 1 }, to: { kind: 'slot', number: 1 } })
      return { emulator, robot, drives: [drive] }
    },
    teardown: stop,
  })
})

t.test('a command that is lacking is not known, and not said to be', async (t) => {
  const { drive } = await loadedDrive({ lacks: ['locate-16'] })
  t.equal((await send(drive, 'locate-16')).end, '5/20/00')
  const told = await send(drive, 'report-supported-opcodes', { options: 3, opcode: 0x92 })
  t.equal(parseOpcodeSupport(told.data).support, 'no')
  t.equal((await send(drive, 'locate-10')).end, 'good')
})

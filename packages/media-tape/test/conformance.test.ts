import {
  createVirtualClock,
  numberSetting,
  tapeDriveSuite,
  tapeMountsSuite,
  tapeRobotSuite,
} from '@nb/test-kit'
import t from 'tap'
import { createTapeEmulator, type TapeEmulator } from '../src/emulator/tape-emulator.ts'
import { buildCdb } from '../src/scsi/cdb.ts'
import { ScsiUnit } from '../src/scsi/scsi-unit.ts'
import { createScsiTapeRobot } from '../src/smc/scsi-tape-robot.ts'
import { createScsiTapeDrive } from '../src/ssc/scsi-tape-drive.ts'
import { deviceRig } from './devices/device-rig.ts'
import { TapeTarget, type TapeTargetOptions } from './ssc/tape-target.ts'

const histories = process.env['NB_LONG'] === '1' ? 2000 : 20
const seed = numberSetting('NB_SEED', 20_260_101)
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)
const capacityBytes = 65_536
const earlyWarningBytes = 8192

const targets: Record<string, TapeTargetOptions> = {
  'that knows everything': {},
  'that tells nothing of its commands': { silent: true, lacks: ['log-sense', 'read-attribute'] },
  'without LOCATE and without the long form of positions': { lacks: ['locate-16', 'locate-10'] },
  'with short positions and LOCATE of 10 bytes': { lacks: ['locate-16'] },
  'whose places are counted': {
    counted: true,
    lacks: ['locate-16', 'locate-10', 'log-sense', 'read-attribute'],
  },
}

for (const [what, options] of Object.entries(targets))
  t.test(`a drive behind SCSI ${what}`, async (t) => {
    tapeDriveSuite(
      { test: (name, run) => t.test(name, run) },
      {
        setup: async () => {
          const transport = new TapeTarget({ capacityBytes, earlyWarningBytes, ...options })
          const drive = createScsiTapeDrive({ transport, clock: createVirtualClock() })
          await drive.load()
          const setWriteProtect = async (on: boolean): Promise<void> => void (transport.writeProtected = on)
          return { drive, capacityBytes, setWriteProtect }
        },
        teardown: async () => undefined,
        unsupported: [
          ...(options.lacks?.includes('locate-16') === true ? (['file-numbers'] as const) : []),
          'encryption',
        ],
      },
      { histories, seed },
    )
  })

t.test('a drive of the emulated library, behind SCSI', async (t) => {
  tapeDriveSuite(
    { test: (name, run) => t.test(name, run) },
    {
      setup: async () => {
        const clock = createVirtualClock()
        const emulator = createTapeEmulator(
          { clock },
          { slots: 2, drives: 1, capacityBytes, earlyWarningBytes },
        )
        await emulator.start()
        const changer = emulator.transport('changer')
        const drive = createScsiTapeDrive({ transport: emulator.transport('drive1'), clock })
        const move = async (source: number, destination: number): Promise<void> => {
          const cdb = buildCdb('move-medium', { transport: 1, source, destination })
          const ended = await new ScsiUnit(changer, 'changer', clock).ask({ cdb })
          if (!ended.good) throw new Error(ended.text)
        }
        await move(1024, 256)
        await drive.load()
        const setWriteProtect = async (writeProtected: boolean): Promise<void> => {
          await move(256, 1024)
          await emulator.operator.change({ name: 'E00001L8', writeProtected })
          await move(1024, 256)
        }
        return { drive, capacityBytes, setWriteProtect, emulator }
      },
      teardown: async (fixture) =>
        (fixture as unknown as { emulator: { stop(): Promise<void> } }).emulator.stop(),
    },
    { histories, seed },
  )
})

t.test('the robot of the emulated library, behind SCSI', async (t) => {
  tapeRobotSuite(
    { test: (name, run) => t.test(name, run) },
    {
      setup: async () => {
        const clock = createVirtualClock()
        const emulator = createTapeEmulator({ clock }, { slots: 4, drives: 2, capacityBytes })
        await emulator.start()
        const named = [1, 2].map((number) => ({ name: `drive${number}`, serial: `EMUD0000${number}` }))
        const drives = named.map(({ name }) =>
          createScsiTapeDrive({ transport: emulator.transport(name), clock }, { name }),
        )
        const transport = emulator.transport('changer')
        return { robot: createScsiTapeRobot({ transport, clock }, { drives: named }), drives, emulator }
      },
      teardown: async (fixture) => (fixture as unknown as { emulator: TapeEmulator }).emulator.stop(),
    },
  )
})

t.test('the device manager, on the emulated library', async (t) => {
  tapeMountsSuite(
    { test: (name, run) => t.test(name, run) },
    {
      setup: async () => {
        const { devices, media, robot, library } = await deviceRig()
        return {
          mounts: devices,
          media,
          robot,
          drives: ['drive1', 'drive2'],
          volumes: ['A00001', 'A00002', 'A00003'],
          settle: () => devices.unloadIdle(),
          end: () => library.stop(),
        }
      },
      teardown: async (fixture) => (fixture as unknown as { end: () => Promise<void> }).end(),
    },
  )
})

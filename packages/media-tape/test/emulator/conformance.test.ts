import { tapeDriveSuite } from '@nb/test-kit'
import t from 'tap'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { loadedDrive, send } from './send.ts'

const histories = process.env['NB_LONG'] === '1' ? 2000 : 20
const seed = Number(process.env['NB_SEED'] ?? 20_260_101)
const capacityBytes = 65_536

t.test('a drive of the emulated library', async (t) => {
  tapeDriveSuite(
    { test: (name, run) => t.test(name, run) },
    {
      setup: async () => {
        const {
          emulator,
          drive: transport,
          changer,
          clock,
        } = await loadedDrive({
          capacityBytes,
          earlyWarningBytes: 8192,
        })
        const drive = createScsiTapeDrive({ transport, clock })
        await drive.load()
        const setWriteProtect = async (writeProtected: boolean): Promise<void> => {
          await send(changer, 'move-medium', { source: 256, destination: 1024 })
          await emulator.operator.change({ name: 'E00001L8', writeProtected })
          await send(changer, 'move-medium', { source: 1024, destination: 256 })
        }
        return { emulator, drive, capacityBytes, setWriteProtect }
      },
      teardown: async (fixture) =>
        (fixture as unknown as { emulator: { stop(): Promise<void> } }).emulator.stop(),
    },
    { histories, seed },
  )
})

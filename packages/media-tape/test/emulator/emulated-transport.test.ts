import { scsiTransportSuite } from '@nb/test-kit'
import t from 'tap'
import { loadedDrive, send, settle } from './send.ts'

t.test('a transport of the emulated library', async (t) => {
  scsiTransportSuite(t, {
    setup: async () => {
      const { emulator, clock } = await loadedDrive({ capacityBytes: 32 * 1024 ** 2 })
      return {
        emulator,
        clock,
        transport: emulator.transport('drive1', 'suite'),
        hold: async () => {
          const release = emulator.hold('drive1')
          return async () => release()
        },
        breakConnection: async () => emulator.breakConnection('drive1', 'suite'),
      }
    },
    teardown: async (fixture) =>
      (fixture as unknown as { emulator: { stop(): Promise<void> } }).emulator.stop(),
  })
})

t.test('a reset by one host ends the commands of another with TASK ABORTED', async (t) => {
  const { emulator, drive } = await loadedDrive()
  const other = emulator.transport('drive1', 'other')
  await settle(other)
  const release = emulator.hold('drive1')
  const sent = send(drive, 'rewind')
  await other.reset()
  t.equal((await sent).end, 'aborted')
  release()
  t.same(await settle(drive), ['6/29/03'])
})

t.test('a library that is switched off can not be reached', async (t) => {
  const { emulator, drive } = await loadedDrive()
  await emulator.stop()
  await t.rejects(drive.open(), { code: 'scsi-transport-lost', details: { sent: false } })
  await t.rejects(async () => emulator.transport('drive9'), { code: 'not-found' })
})

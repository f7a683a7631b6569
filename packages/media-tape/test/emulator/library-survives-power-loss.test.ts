import assert from 'node:assert/strict'
import { createFaultPlan, createPowerLossStorage, createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { directoryCartridges } from '../../src/emulator/medium/directory-cartridges.ts'
import { createTapeEmulator, type TapeEmulator } from '../../src/emulator/tape-emulator.ts'
import { parseElementStatus } from '../../src/scsi/element-status.ts'
import { read, send, settle, write } from './send.ts'

const volumes = ['A', 'B', 'C']
type Storage = ReturnType<typeof createPowerLossStorage>

function make(storage: Storage): TapeEmulator {
  return createTapeEmulator(
    {
      clock: createVirtualClock(undefined, { settleTurns: 1 }),
      store: directoryCartridges({ files: storage.files, directory: '/library' }),
    },
    { slots: 4, drives: 2, capacityBytes: 1000, volumes },
  )
}

/** A shift of work; gives how many blocks were said to be on tape A. */
async function work(storage: Storage, told: { blocks: number }): Promise<void> {
  const emulator = make(storage)
  await emulator.start()
  const changer = emulator.transport('changer')
  const drive = emulator.transport('drive1')
  await settle(changer)
  await send(changer, 'move-medium', { source: 1024, destination: 256 })
  await settle(drive)
  await write(drive, Buffer.from('block 1'))
  if ((await send(drive, 'write-filemarks-6', { count: 1 })).end === 'good') told.blocks = 1
  await send(drive, 'load-unload', { load: false })
  await send(changer, 'exchange-medium', { source: 1025, firstDestination: 256, secondDestination: 1027 })
  await send(changer, 'move-medium', { source: 1026, destination: 257 })
  await emulator.stop()
}

/** Where the library believes cartridges are. */
async function places(emulator: TapeEmulator): Promise<string[]> {
  const changer = emulator.transport('changer')
  await settle(changer)
  const { data } = await send(changer, 'read-element-status', { elements: 100, volumeTags: true })
  const { elements } = parseElementStatus(data, { volumeTags: true, deviceIdentifiers: false })
  return elements.flatMap(({ barcode }) => barcode ?? [])
}

t.test(
  'wherever the power is lost, each cartridge is in one place, and has what was said to be on it',
  async (t) => {
    const whole = createPowerLossStorage()
    await work(whole, { blocks: 0 })
    t.ok(whole.operations > 40, `${whole.operations} moments`)
    for (let moment = 1; moment <= whole.operations; moment++)
      for (const seed of [undefined, moment]) {
        const faults = createFaultPlan([{ point: '*', occurrence: moment }])
        const storage = createPowerLossStorage({ faults, ...(seed === undefined ? {} : { seed }) })
        const told = { blocks: 0 }
        await work(storage, told).catch(() => undefined)
        faults.assertAllHit()
        storage.lose()
        storage.restore()
        const emulator = make(storage)
        await emulator.start()
        assert.deepEqual((await places(emulator)).sort(), volumes, `moment ${moment}`)
        if (told.blocks > 0) {
          const changer = emulator.transport('changer')
          for (const number of [1, 2]) {
            await settle(emulator.transport(`drive${number}`))
            await send(emulator.transport(`drive${number}`), 'load-unload', { load: false })
          }
          // Tape A is in drive 1, or in the slot that it was exchanged into.
          await send(changer, 'move-medium', { source: 256, destination: 1024 })
          await send(changer, 'move-medium', { source: 1027, destination: 256 })
          const drive = emulator.transport('drive1')
          if ((await send(drive, 'test-unit-ready')).end === '2/3a/00')
            await send(changer, 'move-medium', { source: 1024, destination: 256 })
          await settle(drive)
          assert.equal((await read(drive, 100)).data.toString(), 'block 1', `moment ${moment}`)
        }
        await emulator.stop()
      }
  },
)

import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { cdbLayouts } from '../../../src/scsi/cdb-layouts.ts'
import { commandsOf } from '../../../src/scsi/cdb.ts'
import { parseSense } from '../../../src/scsi/sense.ts'
import { propertyRuns } from '../../property-runs.ts'
import { loadedDrive, read, send, settle, write } from '../send.ts'

const names = [...new Set([...commandsOf('tape'), ...commandsOf('changer')])]

/** A command of which something is known, or of any bytes; its fields hold anything, small numbers most of all. */
const command = fc
  .record({
    name: fc.constantFrom(...names),
    bytes: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    small: fc.boolean(),
    isAny: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
    dataOut: fc.option(fc.uint8Array({ maxLength: 64 }), { nil: undefined }),
    inBytes: fc.nat(300),
  })
  .map(({ name, bytes, small, isAny, dataOut, inBytes }) => {
    const { opcode, serviceAction, length } = cdbLayouts[name]
    const cdb = Buffer.alloc(isAny ? ([6, 10, 12, 16][(bytes[15] ?? 0) % 4] ?? 6) : length)
    for (let at = 1; at < cdb.length; at++) cdb[at] = (bytes[at] ?? 0) & (small ? 0x03 : 0xff)
    cdb[0] = isAny ? (bytes[0] ?? 0) : opcode
    if (!isAny && serviceAction !== undefined) cdb[1] = serviceAction
    return { cdb, dataOut, inBytes }
  })

t.test('whatever it is sent a unit answers, with sense data that can be read, and works on', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('drive1', 'changer'), command), { maxLength: 40 }),
      async (sent) => {
        const { emulator } = await loadedDrive()
        for (const [unit, { cdb, dataOut, inBytes }] of sent) {
          const dataIn = Buffer.alloc(inBytes, 0xee)
          const result = await emulator
            .transport(unit)
            .execute({ cdb, ...(dataOut === undefined ? { dataIn } : { dataOut }) })
          assert.ok([0, 2, 0x18].includes(result.status), `status ${result.status}`)
          assert.equal(result.status === 2, result.sense !== undefined)
          if (result.sense !== undefined) {
            const { key, asc } = parseSense(result.sense)
            assert.ok(key !== 4, `hardware failure ${asc} for ${cdb.toString('hex')}`)
          }
          assert.ok(result.dataInBytes <= inBytes)
        }
        assert.deepEqual(emulator.failures, [])
        await emulator.losePower()
        const drive = emulator.transport('drive1')
        await settle(drive)
        if ((await send(drive, 'test-unit-ready')).end === 'good') {
          assert.equal((await write(drive, Buffer.from('works'))).end, 'good')
          await send(drive, 'rewind')
          assert.equal((await read(drive, 5)).data.toString(), 'works')
        }
        await emulator.stop()
      },
    ),
    propertyRuns(t, 150),
  )
})

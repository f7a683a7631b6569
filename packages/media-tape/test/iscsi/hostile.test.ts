import assert from 'node:assert/strict'
import { NbError } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { createIscsiTransport } from '../../src/index.ts'
import { propertyRuns } from '../property-runs.ts'
import { ScriptedTarget } from './scripted-target.ts'

const opcodes = [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f]

/** A PDU that is nearly right: an opcode of targets, tags and lengths that may be the command's. */
const pdu = fc
  .record({
    opcode: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...opcodes) },
      { weight: 1, arbitrary: fc.nat(255) },
    ),
    flags: fc.constantFrom(0x80, 0x80, 0x81, 0x82, 0x83, 0, 0xc0, 0x40),
    rest: fc.uint8Array({ minLength: 46, maxLength: 46 }),
    plain: fc.boolean(),
    tag: fc.boolean(),
    status: fc.boolean(),
    data: fc.uint8Array({ maxLength: 80 }),
    lies: fc.boolean(),
  })
  .map((one) => ({ ...one, rest: one.plain ? Buffer.alloc(46) : Buffer.from(one.rest) }))

t.test('whatever a target sends, a command ends, and only with an answer or a typed error', async (t) => {
  const target = await ScriptedTarget.start()
  t.teardown(() => target.stop())
  const clock = createVirtualClock(undefined, { settleTurns: 1 })
  await fc.assert(
    fc.asyncProperty(fc.array(pdu, { maxLength: 5 }), fc.boolean(), async (pdus, writes) => {
      const transport = createIscsiTransport(
        { clock },
        {
          portal: { host: '127.0.0.1', port: target.port },
          target: target.name,
          lun: 1,
          initiatorName: 'iqn.2026-11.example.test:me',
        },
      )
      await transport.open()
      target.once((connection, request) => {
        if (request.opcode !== 1) return false
        for (const { opcode, flags, rest, tag, status, data, lies } of pdus) {
          const header = Buffer.concat([Buffer.from([opcode, flags]), rest])
          header[4] = 0
          header.writeUIntBE(lies ? data.length + 1 : data.length, 5, 3)
          if (tag) header.writeUInt32BE(request.taskTag, 16)
          if (status) header.writeUInt32BE(connection.stat, 24)
          connection.raw(Buffer.concat([header, data, Buffer.alloc(-data.length & 3)]))
        }
        connection.end()
        return true
      })
      const room = Buffer.alloc(64)
      const command = writes
        ? { cdb: Uint8Array.of(0x0a, 0, 0, 0x10, 0, 0), dataOut: Buffer.alloc(4096) }
        : { cdb: Uint8Array.of(0x12, 0, 0, 0, 64, 0), dataIn: room }
      try {
        const { dataInBytes, dataOutBytes } = await transport.execute(command)
        assert.ok(dataInBytes <= 64 && dataOutBytes <= 4096)
      } catch (error) {
        assert.ok(error instanceof NbError && error.code === 'scsi-transport-lost', String(error))
      }
      await transport.close()
      assert.equal(target.scriptsLeft, 0)
    }),
    propertyRuns(t, 100),
  )
  assert.equal(clock.pendingTimers, 0)
})

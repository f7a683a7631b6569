import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  encodeCommand,
  encodeDataOut,
  encodeLogin,
  encodeLogout,
  encodeNopOut,
  encodeTaskManagement,
  encodeText,
} from '../../src/iscsi/requests.ts'
import { decodeResponse } from '../../src/iscsi/responses.ts'
import { encodeUnit } from '../../src/iscsi/logical-unit.ts'
import { propertyRuns } from '../property-runs.ts'
import { type Field, responseHeader, seeRequest } from './target-side.ts'

const word = fc.nat({ max: 0xffff_ffff })
const length = fc.nat({ max: 0xff_ffff })
const numbers = fc.record({ commandNumber: word, expectedStatusNumber: word })
const unit = fc.nat({ max: 16_383 })
const nothing = Buffer.alloc(0)

t.test('a target reads every request as it was meant', async (t) => {
  const runs = propertyRuns(t)
  const cdb = fc
    .constantFrom(6, 10, 12, 16)
    .chain((bytes) => fc.uint8Array({ minLength: bytes, maxLength: bytes }))
  fc.assert(
    fc.property(
      numbers,
      unit,
      word,
      cdb,
      length,
      word,
      fc.boolean(),
      fc.constantFrom('in', 'out', 'none'),
      (n, lun, taskTag, cdb, immediateBytes, expectedBytes, final, direction) => {
        const header = encodeCommand(
          { taskTag, unit: encodeUnit(lun), cdb, direction, expectedBytes, immediateBytes, final },
          n,
        )
        const seen = seeRequest(header, nothing)
        assert.equal(header.length, 48)
        assert.equal(seen.opcode, 1)
        assert.equal(seen.immediate, false)
        assert.equal(seen.flags, (final ? 0x80 : 0) | { in: 0x40, out: 0x20, none: 0 }[direction] | 1)
        assert.equal(seen.unit, lun)
        assert.equal(seen.taskTag, taskTag)
        assert.equal(header.readUInt32BE(20), expectedBytes)
        assert.equal(seen.commandNumber, n.commandNumber)
        assert.equal(seen.expectedStatusNumber, n.expectedStatusNumber)
        assert.equal(header.readUIntBE(5, 3), immediateBytes)
        assert.deepEqual([...header.subarray(32, 32 + cdb.length)], [...cdb])
        assert.ok(header.subarray(32 + cdb.length).every((byte) => byte === 0))
      },
    ),
    runs,
  )
  fc.assert(
    fc.property(
      fc.record({
        taskTag: word,
        transferTag: word,
        sequenceNumber: word,
        offset: word,
        bytes: length,
        final: fc.boolean(),
        expectedStatusNumber: word,
      }),
      unit,
      (data, lun) => {
        const header = encodeDataOut({ ...data, unit: encodeUnit(lun) })
        const seen = seeRequest(header, nothing)
        assert.deepEqual(
          [seen.opcode, seen.unit, seen.taskTag, seen.transferTag, seen.expectedStatusNumber],
          [5, lun, data.taskTag, data.transferTag, data.expectedStatusNumber],
        )
        assert.deepEqual(
          [seen.flags, header.readUInt32BE(36), header.readUInt32BE(40), header.readUIntBE(5, 3)],
          [data.final ? 0x80 : 0, data.sequenceNumber, data.offset, data.bytes],
        )
      },
    ),
    runs,
  )
  fc.assert(
    fc.property(numbers, word, word, word, length, unit, (n, taskTag, transferTag, reference, bytes, lun) => {
      const address = encodeUnit(lun)
      const abort = encodeTaskManagement(
        {
          taskTag,
          task: 'abortTask',
          unit: address,
          referenced: { taskTag: transferTag, commandNumber: reference },
        },
        n,
      )
      const reset = encodeTaskManagement({ taskTag, task: 'resetUnit', unit: address }, n)
      assert.deepEqual(
        [abort[0], abort[1], abort.readUInt32BE(20), abort.readUInt32BE(32)],
        [0x42, 0x81, transferTag, reference],
      )
      assert.deepEqual(
        [reset[0], reset[1], reset.readUInt32BE(20), reset.readUInt32BE(32)],
        [0x42, 0x85, 0xffff_ffff, 0],
      )
      const text = encodeText({ taskTag, transferTag, textBytes: bytes }, n)
      assert.deepEqual(
        [text[0], text[1], text.readUInt32BE(20), text.readUIntBE(5, 3)],
        [0x44, 0x80, transferTag, bytes],
      )
      const logout = encodeLogout({ taskTag }, n)
      assert.deepEqual([logout[0], logout[1]], [0x46, 0x80])
      const ping = encodeNopOut({ taskTag, unit: address, transferTag, dataBytes: bytes }, n)
      assert.deepEqual(
        [ping[0], ping[1], ping.readUInt32BE(20), ping.readUIntBE(5, 3)],
        [0x40, 0x80, transferTag, bytes],
      )
      for (const header of [abort, reset, text, logout, ping]) {
        const seen = seeRequest(header, nothing)
        assert.ok(seen.immediate)
        assert.deepEqual(
          [seen.taskTag, seen.commandNumber, seen.expectedStatusNumber],
          [taskTag, n.commandNumber, n.expectedStatusNumber],
        )
      }
    }),
    runs,
  )
  const login = encodeLogin(
    {
      taskTag: 7,
      sessionId: Buffer.from('80aabbccddee', 'hex'),
      targetSession: 0x1234,
      stage: 1,
      nextStage: 3,
      textBytes: 5,
    },
    { commandNumber: 1, expectedStatusNumber: 2 },
  )
  t.equal(
    login.toString('hex', 0, 32),
    '43870000' + '00000005' + '80aabbccddee1234' + '00000007' + '00000000' + '00000001' + '00000002',
  )
  t.equal(
    encodeLogin(
      { taskTag: 0, sessionId: Buffer.alloc(6), targetSession: 0, stage: 0, textBytes: 0 },
      { commandNumber: 1, expectedStatusNumber: 0 },
    )[1],
    0,
  )
})

const status = [
  ['statusNumber', 24],
  ['expectedCommandNumber', 28],
  ['maxCommandNumber', 32],
] as const

t.test('every response is read as the target meant it', async (t) => {
  const runs = propertyRuns(t)
  fc.assert(
    fc.property(
      fc.record({ statusNumber: word, expectedCommandNumber: word, maxCommandNumber: word }),
      fc.record({
        taskTag: fc.nat({ max: 0xffff_fffe }),
        transferTag: word,
        third: word,
        fourth: word,
        fifth: fc.integer({ min: 1, max: 0xffff_ffff }),
        byte: fc.nat({ max: 255 }),
        short: fc.nat({ max: 0xffff }),
      }),
      length,
      fc.constantFrom(0, 2, 4),
      (n, v, bytes, residualFlag) => {
        const common: Field[] = [...status.map(([name, at]) => [at, 4, n[name]] as const), [16, 4, v.taskTag]]
        const residual =
          residualFlag === 0
            ? {}
            : { residual: { kind: residualFlag === 2 ? 'underflow' : 'overflow', bytes: v.fifth } }
        const is = (opcode: number, flags: number, fields: Field[], expected: object): void =>
          assert.deepEqual(
            decodeResponse(responseHeader(opcode, flags, bytes, [...common, ...fields])),
            expected,
          )
        const tagged = { ...n, taskTag: v.taskTag }
        is(
          0x21,
          0x80 | residualFlag,
          [
            [3, 1, v.byte],
            [36, 4, v.third],
            [44, 4, v.fifth],
          ],
          {
            kind: 'scsi-response',
            ...tagged,
            completed: true,
            responseCode: 0,
            status: v.byte,
            ...residual,
            expectedDataNumber: v.third,
          },
        )
        is(
          0x25,
          0x81 | residualFlag,
          [
            [3, 1, v.byte],
            [36, 4, v.third],
            [40, 4, v.fourth],
            [44, 4, v.fifth],
          ],
          {
            kind: 'data-in',
            ...tagged,
            final: true,
            status: v.byte,
            ...residual,
            sequenceNumber: v.third,
            offset: v.fourth,
            bytes,
          },
        )
        is(
          0x25,
          0,
          [
            [36, 4, v.third],
            [40, 4, v.fourth],
          ],
          {
            kind: 'data-in',
            ...tagged,
            final: false,
            sequenceNumber: v.third,
            offset: v.fourth,
            bytes,
          },
        )
        is(
          0x31,
          0x80,
          [
            [20, 4, v.transferTag],
            [36, 4, v.third],
            [40, 4, v.fourth],
            [44, 4, v.fifth],
          ],
          {
            kind: 'ready-to-transfer',
            ...tagged,
            transferTag: v.transferTag,
            sequenceNumber: v.third,
            offset: v.fourth,
            bytes: v.fifth,
          },
        )
        is(0x22, 0x80, [[2, 1, v.byte]], { kind: 'task-management', ...tagged, response: v.byte })
        is(0x24, 0x40, [[20, 4, v.transferTag]], {
          kind: 'text',
          ...tagged,
          final: false,
          continues: true,
          transferTag: v.transferTag,
        })
        is(
          0x26,
          0x80,
          [
            [2, 1, v.byte],
            [40, 2, v.short],
          ],
          { kind: 'logout', ...tagged, response: v.byte, waitSeconds: v.short },
        )
        is(
          0x20,
          0x80,
          [
            [20, 4, v.transferTag],
            [8, 2, v.short],
          ],
          {
            kind: 'nop-in',
            ...tagged,
            transferTag: v.transferTag,
            unit: Buffer.from([v.short >> 8, v.short & 255, 0, 0, 0, 0, 0, 0]),
          },
        )
        is(
          0x32,
          0x80,
          [
            [36, 1, v.byte],
            [38, 2, 1],
            [40, 2, v.short],
            [42, 2, 3],
          ],
          {
            kind: 'async-message',
            ...n,
            event: v.byte,
            parameters: [1, v.short, 3],
          },
        )
        is(0x3f, 0x80, [[2, 1, v.byte]], { kind: 'reject', ...n, reason: v.byte })
        is(
          0x23,
          0x87,
          [
            [14, 2, v.short],
            [36, 1, v.byte],
            [37, 1, 9],
          ],
          {
            kind: 'login',
            ...tagged,
            stage: 1,
            nextStage: 3,
            continues: false,
            targetSession: v.short,
            statusClass: v.byte,
            statusDetail: 9,
          },
        )
      },
    ),
    runs,
  )
})

t.test('what no target may send is refused with a typed error', async (t) => {
  const one = (opcode: number, flags: number, fields: Field[] = []) =>
    responseHeader(opcode, flags, 0, fields)
  const bad: Readonly<Record<string, Buffer>> = {
    'a request': one(0x01, 0x80),
    'an unknown opcode': one(0x3e, 0x80),
    'data with a status before the last': one(0x25, 0x01),
    'data for no task': one(0x25, 0x80, [[16, 4, 0xffff_ffff]]),
    'a residual both ways': one(0x21, 0x86),
    'an R2T for nothing': one(0x31, 0x80),
    'a text that is final and goes on': one(0x24, 0xc0),
    'a login step that ends its stage and goes on': one(0x23, 0xc1),
  }
  for (const [what, header] of Object.entries(bad))
    await t.rejects(async () => decodeResponse(header), { code: 'message-invalid' }, what)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 48, maxLength: 48 }), (bytes) => {
      try {
        decodeResponse(Buffer.from(bytes))
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'message-invalid')
      }
    }),
    propertyRuns(t, 1000),
  )
})

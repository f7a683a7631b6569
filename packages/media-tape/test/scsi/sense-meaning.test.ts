import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { senseKey } from '../../src/scsi/sense.ts'
import { explainSense, senseCode } from '../../src/scsi/sense-meaning.ts'
import { propertyRuns } from '../property-runs.ts'

const meaning = (key: number, asc: number, ascq: number, flags: object = {}): string =>
  explainSense({ key, asc, ascq, ...flags }).meaning

t.test('what units say comes down to what it means for the driver', async (t) => {
  const { noSense, recoveredError, notReady, mediumError, hardwareError } = senseKey
  const { illegalRequest, unitAttention, dataProtect, blankCheck, volumeOverflow } = senseKey
  t.equal(meaning(noSense, 0, 1, { filemark: true }), 'filemark')
  t.equal(meaning(noSense, 0, 0, { filemark: true }), 'filemark')
  t.equal(meaning(noSense, 0, 2, { endOfMedium: true }), 'end-of-medium')
  t.equal(meaning(noSense, 0, 0, { endOfMedium: true }), 'end-of-medium')
  t.equal(meaning(noSense, 0, 0, { incorrectLength: true }), 'incorrect-length')
  t.equal(meaning(volumeOverflow, 0, 2, { endOfMedium: true }), 'volume-overflow')
  t.equal(meaning(blankCheck, 0, 5), 'end-of-data')
  t.equal(meaning(noSense, 0, 5), 'end-of-data')
  t.equal(meaning(blankCheck, 0, 0, { endOfMedium: true }), 'end-of-data')
  t.equal(meaning(notReady, 0x3a, 0), 'no-medium')
  t.equal(meaning(notReady, 0x04, 1), 'becoming-ready')
  t.equal(meaning(notReady, 0x30, 3), 'cleaning-under-way')
  t.equal(meaning(mediumError, 0x0c, 0), 'write-error')
  t.equal(meaning(mediumError, 0x11, 0), 'read-error')
  t.equal(meaning(mediumError, 0x14, 3), 'position-error')
  t.equal(meaning(hardwareError, 0x15, 1), 'position-error')
  t.equal(meaning(hardwareError, 0x44, 0), 'hardware-error')
  t.equal(meaning(illegalRequest, 0x20, 0), 'not-supported')
  t.equal(meaning(illegalRequest, 0x3b, 0x0d), 'element-full')
  t.equal(meaning(illegalRequest, 0x3b, 0x0e), 'element-empty')
  t.equal(meaning(illegalRequest, 0x53, 2), 'removal-prevented')
  t.equal(meaning(unitAttention, 0x28, 0), 'medium-changed')
  t.equal(meaning(unitAttention, 0x29, 0), 'reset')
  t.equal(meaning(dataProtect, 0x27, 0), 'write-protected')
  t.equal(meaning(dataProtect, 0x30, 0x0c), 'worm-overwrite')
  t.equal(meaning(recoveredError, 0x0c, 0), 'recovered')
  t.equal(meaning(recoveredError, 0, 0x17), 'recovered')
})

t.test('codes that no table knows mean what their key means, and everything has words', async (t) => {
  t.equal(meaning(senseKey.mediumError, 0x80, 0x01), 'read-error')
  t.equal(meaning(senseKey.unitAttention, 0x99, 0), 'attention')
  t.match(explainSense({ key: senseKey.hardwareError, asc: 0x99, ascq: 0xab }).text, 'code 99/AB')
  t.equal(senseCode({ key: 0xb, asc: 0x4b, ascq: 4 }), 'B/4B/04')
  fc.assert(
    fc.property(fc.nat(15), fc.nat(255), fc.nat(255), (key, asc, ascq) => {
      const { text, meaning } = explainSense({ key, asc, ascq })
      assert.ok(text.length > 0)
      // An error never comes down to nothing.
      const errors: readonly number[] = [
        senseKey.mediumError,
        senseKey.hardwareError,
        senseKey.abortedCommand,
      ]
      if (errors.includes(key)) assert.ok(meaning !== 'fine' && meaning !== 'recovered')
    }),
    propertyRuns(t, 3000),
  )
})

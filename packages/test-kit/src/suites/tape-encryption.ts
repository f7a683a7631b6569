import assert from 'node:assert/strict'
import { type ErrorCode, NbError, type TapeDrive } from '@nb/contracts'

/** What the tests of a drive's encryption work on. */
export interface TapeEncryptionFixture {
  /** A drive with a blank volume loaded, at the beginning of the tape. */
  readonly drive: TapeDrive
}

type Check = (name: string, body: (fixture: TapeEncryptionFixture) => Promise<void>) => void

const keyBytes = 32
const keyOf = (value: number): Uint8Array => new Uint8Array(keyBytes).fill(value)
const november = { key: keyOf(11), keyLabel: '2026-11', reads: 'mixed' } as const
const december = { key: keyOf(12), keyLabel: 'the key of December 2026', reads: 'mixed' } as const

/** The obligations of `TapeEncryption`, of a drive that encrypts. */
export function encryption(check: Check): void {
  check('a drive that encrypts says how, and with which key', async ({ drive }) => {
    const { algorithms, active } = await drive.encryption.status()
    const algorithm = algorithms.find((one) => one.keyBytes === keyBytes)
    assert.ok(algorithm !== undefined, 'keys of 32 bytes are taken')
    assert.ok(algorithm.name.length > 0)
    assert.ok(algorithm.mostLabelLength >= 24, `labels of ${algorithm.mostLabelLength} characters`)
    assert.equal(active, undefined)
    await drive.encryption.set(november)
    assert.deepEqual((await drive.encryption.status()).active, { keyLabel: '2026-11', reads: 'mixed' })
    await drive.encryption.set({ ...december, reads: 'encrypted' })
    assert.deepEqual((await drive.encryption.status()).active, {
      keyLabel: 'the key of December 2026',
      reads: 'encrypted',
    })
    await drive.encryption.clear()
    await drive.encryption.clear()
    assert.equal((await drive.encryption.status()).active, undefined)
  })
  check('what was written with a key is read with it, and with nothing else', async ({ drive }) => {
    const lengths = [1, 16, 17, 4096]
    await drive.encryption.set(november)
    for (const length of lengths) await written(drive, length, length % 251)
    await drive.writeFilemarks({ count: 1 })
    await drive.rewind()
    for (const length of lengths)
      assert.deepEqual(await readBytes(drive, length), filled(length, length % 251))
    assert.equal((await drive.readBlock({ target: new Uint8Array(10) })).kind, 'filemark')

    await drive.encryption.clear()
    await locked(drive, 0, '2026-11')
    await drive.encryption.set(december)
    await locked(drive, 0, '2026-11')
    await drive.locate({ object: 2 })
    await locked(drive, 2, '2026-11')
    await drive.encryption.set(november)
    assert.deepEqual(await readBytes(drive, 17), filled(17, 17))
  })
  check('blocks in clear, and of two keys, stand on one tape', async ({ drive }) => {
    await written(drive, 100, 1)
    await drive.encryption.set(november)
    await written(drive, 100, 2)
    await drive.encryption.set(december)
    await written(drive, 100, 3)
    await drive.encryption.clear()
    await written(drive, 100, 4)
    await drive.writeFilemarks({ count: 1 })
    await drive.rewind()
    const { encryption } = drive
    assert.deepEqual(await encryption.nextBlock(), { state: 'clear' })
    assert.deepEqual(await readBytes(drive, 100), filled(100, 1))
    assert.deepEqual(await encryption.nextBlock(), { state: 'unreadable', keyLabel: '2026-11' })
    await encryption.set(november)
    assert.deepEqual(await encryption.nextBlock(), { state: 'readable', keyLabel: '2026-11' })
    assert.deepEqual(await readBytes(drive, 100), filled(100, 2))
    await locked(drive, 2, 'the key of December 2026')
    await drive.space({ over: 'blocks', count: 1 })
    assert.deepEqual(await readBytes(drive, 100), filled(100, 4))
    assert.deepEqual(await encryption.nextBlock(), { state: 'no-block' })
    await drive.rewind()
    await encryption.set({ ...november, reads: 'encrypted' })
    await rejects(drive.readBlock({ target: new Uint8Array(100) }), 'media-read-failed', {
      meaning: 'not-encrypted',
    })
    await drive.locate({ object: 1 })
    assert.deepEqual(await readBytes(drive, 100), filled(100, 2))
  })
  check('the key goes with the volume', async ({ drive }) => {
    await drive.encryption.set(november)
    await written(drive, 64, 7)
    await drive.unload()
    assert.equal((await drive.encryption.status()).active, undefined)
    await rejects(drive.encryption.set(november), 'drive-not-ready')
    await drive.load()
    assert.equal((await drive.encryption.status()).active, undefined)
    await locked(drive, 0, '2026-11')
    await written(drive, 64, 8)
    await drive.rewind()
    assert.deepEqual(await readBytes(drive, 64), filled(64, 8), 'what is written then is in clear')
  })
  check('the key may be wiped when it was set, and no error tells it', async ({ drive }) => {
    const key = keyOf(0x5a)
    await drive.encryption.set({ key, keyLabel: 'mine', reads: 'mixed' })
    key.fill(0)
    await written(drive, 64, 1)
    await drive.rewind()
    await drive.encryption.set({ key: keyOf(0x5a), keyLabel: 'mine', reads: 'mixed' })
    assert.deepEqual(await readBytes(drive, 64), filled(64, 1))
    const text = '5a5a5a5a'
    const wrong = { key: new Uint8Array(31).fill(0x5a), keyLabel: 'mine', reads: 'mixed' } as const
    for (const call of [
      () => drive.encryption.set(wrong),
      () => drive.encryption.set({ ...november, key: keyOf(0x5a), keyLabel: '' }),
      () => drive.encryption.set({ ...november, key: keyOf(0x5a), keyLabel: 'x'.repeat(31) }),
      () => drive.encryption.set({ ...november, key: keyOf(0x5a), keyLabel: 'schlüssel' }),
    ])
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof NbError)
        const told = JSON.stringify([error.message, error.details, error.stack])
        assert.ok(!told.includes(text) && !told.includes('90,90,90'), told)
        return true
      })
    await rejects(drive.encryption.set(wrong), 'not-supported')
    await rejects(drive.encryption.set({ ...november, keyLabel: '' }), 'argument-invalid', {
      field: 'keyLabel',
    })
  })
}

/** The obligations of a drive that doesn't encrypt: nobody is led to believe that it does. */
export function noEncryption(check: Check): void {
  check('a drive that does not encrypt says so, and takes no key', async ({ drive }) => {
    assert.deepEqual(await drive.encryption.status(), { algorithms: [] })
    await rejects(drive.encryption.set(november), 'not-supported')
    await drive.encryption.clear()
    await written(drive, 64, 1)
    await drive.rewind()
    assert.deepEqual(await drive.encryption.nextBlock(), { state: 'unknown' })
    assert.deepEqual(await readBytes(drive, 64), filled(64, 1))
  })
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

async function written(drive: TapeDrive, length: number, value: number): Promise<void> {
  assert.equal((await drive.writeBlock({ data: filled(length, value) })).written, true)
}

async function readBytes(drive: TapeDrive, length: number): Promise<Uint8Array> {
  const target = new Uint8Array(length)
  const read = await drive.readBlock({ target })
  assert.equal(read.kind, 'block')
  assert.ok(read.kind === 'block' && read.blockBytes === length && !read.truncated)
  return target
}

/** The block at `object` is not delivered, its key is named, and the drive stands before it. */
async function locked(drive: TapeDrive, object: number, keyLabel: string): Promise<void> {
  await drive.locate({ object })
  const target = new Uint8Array(5000)
  await rejects(drive.readBlock({ target }), 'key-missing', { keyLabel, object })
  assert.deepEqual(target, new Uint8Array(5000), 'nothing of it is delivered')
  assert.equal((await drive.position()).object, object)
  assert.deepEqual(await drive.encryption.nextBlock(), { state: 'unreadable', keyLabel })
}

async function rejects(call: Promise<unknown>, code: ErrorCode, details: object = {}): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NbError, `an NbError ${code}, not ${String(error)}`)
    assert.equal(error.code, code)
    for (const [name, value] of Object.entries(details)) assert.deepEqual(error.details[name], value, name)
    return true
  })
}

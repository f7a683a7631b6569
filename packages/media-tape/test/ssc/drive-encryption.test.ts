import { inspect } from 'node:util'
import type { ScsiCommand, ScsiTransport } from '@nb/contracts'
import t from 'tap'
import type { Cartridge } from '../../src/emulator/medium/cartridge.ts'
import { memoryCartridges } from '../../src/emulator/medium/memory-cartridges.ts'
import { createScsiTapeDrive } from '../../src/index.ts'
import { buildSetEncryption } from '../../src/scsi/set-encryption.ts'
import { loadedDrive, send } from '../emulator/send.ts'
import { damagingCartridges } from '../store/damaging-cartridges.ts'

const key = Uint8Array.from({ length: 32 }, (_, index) => index + 100)
const setting = { key, keyLabel: '2026-11', reads: 'mixed' } as const
const secret = Buffer.from('the salary of everybody in the house')
const name = 'E00001L8'

async function rig(options: Parameters<typeof loadedDrive>[0] = {}, store = memoryCartridges()) {
  const {
    emulator,
    drive: transport,
    clock,
  } = await loadedDrive({ capacityBytes: 100_000, ...options }, store)
  const drive = createScsiTapeDrive({ transport, clock }, { name: 'drive1' })
  await drive.load()
  const cartridge: Cartridge = await store.open(name)
  return { emulator, drive, transport, clock, cartridge }
}

const read = async (drive: ReturnType<typeof createScsiTapeDrive>): Promise<string> => {
  const target = Buffer.alloc(100)
  const got = await drive.readBlock({ target })
  return got.kind === 'block' ? target.toString('latin1', 0, got.blockBytes) : got.kind
}

t.test('on the medium there is neither what was written nor the key, and the label is', async (t) => {
  const { drive, cartridge } = await rig()
  await drive.encryption.set(setting)
  await drive.writeBlock({ data: secret })
  await drive.writeBlock({ data: secret })
  await drive.writeFilemarks({ count: 1 })
  const [one, two] = (await Promise.all([cartridge.read(0), cartridge.read(1)])).map((bytes) =>
    Buffer.from(bytes ?? []),
  )
  for (const recorded of [one, two]) {
    t.equal(recorded?.indexOf(secret.subarray(0, 8)), -1)
    t.equal(recorded?.indexOf(key.subarray(0, 8)), -1)
    t.not(recorded?.indexOf('2026-11'), -1)
  }
  t.notSame(one, two, 'the same block twice is not seen to be the same')
})

t.test('a bit that was changed on the medium is found, and the drive goes on behind the block', async (t) => {
  const store = damagingCartridges()
  const { drive } = await rig({}, store)
  await drive.encryption.set(setting)
  await drive.writeBlock({ data: secret })
  await drive.writeBlock({ data: secret })
  await drive.rewind()
  // Key-associated data, nonce, tag, ciphertext.
  for (const byte of [8, 25, 40, 60]) {
    store.flip(name, 0, byte)
    await drive.rewind()
    await t.rejects(read(drive), {
      code: 'media-read-failed',
      details: { sense: '7/74/04', meaning: 'read-error' },
    })
    t.equal(await read(drive), secret.toString())
  }
})

t.test('nothing is written in clear after a reset, a lost connection, or a loss of power', async (t) => {
  const { drive, emulator, transport, cartridge } = await rig()
  await drive.encryption.set(setting)
  const write = async (): Promise<void> => {
    await drive.writeBlock({ data: secret })
    await drive.writeFilemarks({ count: 1 })
  }
  await write()
  const events = [() => transport.reset(), async () => emulator.breakConnection('drive1')]
  for (const event of events) {
    const { objects } = cartridge.index
    await event()
    await write()
    t.equal(cartridge.index.isEncrypted(objects), true)
    await event()
    await drive.locate({ object: objects })
    t.equal(await read(drive), secret.toString(), 'and it is read')
    await drive.space({ over: 'end-of-data' })
  }
  await emulator.losePower()
  await t.rejects(write(), { code: 'drive-not-ready' }, 'whoever loads it again sets the key again')
  t.equal((await drive.encryption.status()).active, undefined)
})

t.test(
  'a connection that breaks under a write takes the key with it, and the next write brings it back',
  async (t) => {
    const { drive, cartridge } = await rig({
      faults: [{ unit: 'drive1', command: 'write-6', effect: 'transport-lost', ran: true, occurrence: 2 }],
    })
    await drive.encryption.set(setting)
    await drive.writeBlock({ data: secret })
    await t.rejects(drive.writeBlock({ data: secret }), {
      code: 'media-write-failed',
      details: { meaning: 'end-unknown' },
    })
    await t.rejects(drive.writeBlock({ data: secret }), { code: 'media-position-failed' })
    await drive.writeBlock({ data: secret })
    await drive.writeFilemarks({ count: 1 })
    t.same(
      [0, 1, 2].map((at) => cartridge.index.isEncrypted(at)),
      [true, true, true],
    )
  },
)

t.test('a key of one host is no key of another, nor of the next process', async (t) => {
  const { drive, emulator, clock, transport } = await rig()
  await drive.encryption.set(setting)
  await drive.writeBlock({ data: secret })
  await drive.writeFilemarks({ count: 1 })
  const other = emulator.transport('drive1', 'other')
  await send(other, 'test-unit-ready')
  await send(other, 'rewind')
  t.equal((await send(other, 'read-6', { transferLength: 100 }, { inBytes: 100 })).end, '7/74/01')
  // Its process ended without a word; the next one finds the drive as it is.
  const next = createScsiTapeDrive({ transport, clock }, { name: 'drive1' })
  t.match((await next.encryption.status()).active, { keyLabel: '2026-11' })
  await next.load()
  t.equal((await next.encryption.status()).active, undefined)
  await t.rejects(read(next), {
    code: 'key-missing',
    status: 83,
    retryable: false,
    message: /drive drive1: .*its key is called "2026-11"/,
  })
})

t.test('what another host sets for all is told, and does not come between', async (t) => {
  const { drive, emulator, cartridge } = await rig()
  await drive.encryption.set(setting)
  await drive.writeBlock({ data: secret })
  const other = emulator.transport('drive1', 'other')
  await send(other, 'test-unit-ready')
  const dataOut = buildSetEncryption({
    ...{ scope: 2, clearOnDemount: false, encryption: 0, decryption: 0, algorithm: 0 },
    ...{ key: new Uint8Array(0), keyData: [] },
  })
  const set = { protocol: 0x20, specific: 0x10, transferLength: dataOut.length }
  t.equal((await send(other, 'security-protocol-out', set, { dataOut })).end, 'good')
  await drive.writeBlock({ data: secret })
  t.equal(cartridge.index.isEncrypted(1), true, 'the key was set again before anything was written')
})

t.test('what is no setting is refused by its byte', async (t) => {
  const { transport } = await rig()
  const page = (change: object = {}) =>
    buildSetEncryption({
      ...{ scope: 1, clearOnDemount: true, encryption: 2, decryption: 3, algorithm: 1, key, keyData: [] },
      ...change,
    })
  const sent = (dataOut: Uint8Array, fields: object = {}) =>
    send(
      transport,
      'security-protocol-out',
      { protocol: 0x20, specific: 0x10, transferLength: dataOut.length, ...fields },
      { dataOut },
    )
  t.equal((await sent(page())).end, 'good')
  for (const [change, byte] of [
    [{ scope: 3 }, 4],
    [{ encryption: 1 }, 6],
    [{ decryption: 1 }, 7],
    [{ algorithm: 2 }, 8],
    [{ key: key.subarray(0, 16) }, 18],
    [{ keyData: [{ type: 'unauthenticated', data: new Uint8Array(33) }] }, 52],
  ] as const) {
    const { end, sense } = await sent(page(change))
    t.same([end, sense?.fieldPointer?.byte], ['5/26/00', byte])
  }
  t.equal((await sent(page(), { specific: 0x11 })).end, '5/24/00')
  t.equal((await sent(page(), { protocol: 0xff })).end, '5/24/00')
  t.equal((await sent(page(), { transferLength: 500 })).end, '5/1a/00')
  const asked = (protocol: number, specific: number) =>
    send(transport, 'security-protocol-in', { protocol, specific })
  t.same([...(await asked(0, 0)).data], [0, 0, 0, 0, 0, 0, 0, 2, 0x00, 0x20])
  t.same([...(await asked(0x20, 1)).data], [0, 1, 0, 2, 0, 0x10])
  t.equal((await asked(0x20, 0x22)).end, '5/24/00')
  t.equal((await asked(0x41, 0)).end, '5/24/00')
})

t.test('the key is in no log, no description of a drive and no buffer that was sent', async (t) => {
  const { transport, clock } = await rig()
  const sent: Uint8Array[] = []
  const watched: ScsiTransport = new Proxy(transport, {
    get: (target, property) => {
      if (property !== 'execute') {
        const value = Reflect.get(target, property) as unknown
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      }
      return (command: ScsiCommand, options?: object) => {
        if (command.dataOut !== undefined) sent.push(command.dataOut)
        return target.execute(command, options)
      }
    },
  })
  const drive = createScsiTapeDrive({ transport: watched, clock }, { name: 'drive1' })
  await drive.load()
  await drive.encryption.set(setting)
  t.ok(sent.length > 0)
  for (const dataOut of sent) t.equal(Buffer.from(dataOut).indexOf(Buffer.from(key)), -1)
  const shown = inspect(drive, { depth: 20, maxArrayLength: 1000, showHidden: true })
  t.notOk(/64 65 66 67|100, 101, 102/.test(shown), 'a drive that is printed shows no key')
})

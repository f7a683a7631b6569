import t from 'tap'
import { buildCdb } from '../../../src/scsi/cdb.ts'
import { parseInquiry, parseSerialNumber } from '../../../src/scsi/inquiry.ts'
import { parseLogPage, parseSupportedLogPages } from '../../../src/scsi/log-page.ts'
import { buildCompressionPage } from '../../../src/scsi/mode-pages.ts'
import { buildMode, findPage, parseMode } from '../../../src/scsi/mode.ts'
import { parseSense } from '../../../src/scsi/sense.ts'
import { parseLuns, parseOpcodeSupport, parseSupportedOpcodes } from '../../../src/scsi/unit-answers.ts'
import { loadedDrive, read, send, settle, write } from '../send.ts'

const header = { mediumType: 0, writeProtected: false, bufferedMode: 1, speed: 0 }

t.test('it says who it is, and which units there are', async (t) => {
  const { drive, changer } = await loadedDrive()
  t.match(parseInquiry((await send(drive, 'inquiry')).data), { deviceType: 1, vendor: 'NB', removable: true })
  t.match(parseInquiry((await send(changer, 'inquiry')).data), { deviceType: 8, product: 'EMULATED-LIB' })
  const { data } = await send(drive, 'inquiry', { vital: true, page: 0x80 })
  t.equal(parseSerialNumber(data), 'EMUD00001')
  t.equal((await send(drive, 'inquiry', { vital: true, page: 0xc0 })).end, '5/24/00')
  t.same(parseLuns((await send(drive, 'report-luns')).data), [0, 1])
})

t.test('each host is told of everything once, before anything else', async (t) => {
  const { drive, emulator, changer } = await loadedDrive()
  const other = emulator.transport('drive1', 'other')
  t.equal((await send(other, 'inquiry')).end, 'good', 'INQUIRY does not wait')
  t.same(await settle(other), ['6/29/01'])
  await send(drive, 'load-unload', { load: false })
  await send(drive, 'load-unload', { load: true })
  t.same(await settle(other), ['6/28/00'])
  const asked = await send(drive, 'request-sense')
  t.match(parseSense(asked.data), { key: 6, asc: 0x28 }, 'REQUEST SENSE tells it too')
  t.same(await settle(drive), [])
  await other.reset()
  t.same(await settle(drive), ['6/29/03'])
  t.same(await settle(other), ['6/29/03'])
  t.same(await settle(changer), [], 'it is of one unit')
})

t.test('a command that it does not have, or a field that it does not know, is told', async (t) => {
  const { drive } = await loadedDrive()
  const unknown = await drive.execute({ cdb: Uint8Array.of(0xc7, 0, 0, 0, 0, 0) })
  t.match(parseSense(unknown.sense ?? Buffer.alloc(0)), { key: 5, asc: 0x20 })
  t.equal((await send(drive, 'report-luns', { select: 0x12 })).end, '5/24/00')
  const field = await send(drive, 'log-sense', { page: 0x3e })
  t.equal(field.end, '5/24/00')
  t.same(field.sense?.fieldPointer, { inCdb: true, byte: 2, bit: 5 })
})

t.test('sense data come in the format that was asked for', async (t) => {
  const { drive } = await loadedDrive()
  t.equal((await read(drive, 10)).sense?.format, 'fixed')
  const control = { page: 0x0a, data: Uint8Array.of(0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0) }
  const list = buildMode(6, { ...header, pages: [control] }, true)
  const select = { pageFormat: true, parameterListLength: list.length }
  t.equal((await send(drive, 'mode-select-6', select, { dataOut: list })).end, 'good')
  const sent = await read(drive, 10)
  t.equal(sent.sense?.format, 'descriptor')
  t.equal(sent.sense?.information, 10)
})

t.test('it tells honestly which commands it has', async (t) => {
  const { drive, changer } = await loadedDrive()
  for (const unit of [drive, changer]) {
    const { commands } = parseSupportedOpcodes(
      (await send(unit, 'report-supported-opcodes', {}, { inBytes: 4000 })).data,
    )
    t.ok(commands.length > 20)
    for (let opcode = 0; opcode < 256; opcode++) {
      if (opcode === 0xa3) continue
      const cdbBytes = opcode < 0x20 ? 6 : opcode < 0x80 ? 10 : opcode < 0xa0 ? 16 : 12
      const cdb = Buffer.alloc(cdbBytes)
      cdb[0] = opcode
      const { sense } = await unit.execute({ cdb })
      const { key, asc } = sense === undefined ? { key: 0, asc: 0 } : parseSense(sense)
      const isKnown = !(key === 5 && asc === 0x20)
      t.equal(
        isKnown,
        commands.some((one) => one.opcode === opcode),
        `opcode ${opcode.toString(16)}`,
      )
      await settle(unit)
    }
  }
  const ask = (opcode: number, serviceAction = 0, options = 3) =>
    send(drive, 'report-supported-opcodes', { options, opcode, serviceAction })
  const locate = parseOpcodeSupport((await ask(0x92)).data)
  t.equal(locate.support, 'yes')
  t.same([...locate.usage.subarray(0, 2)], [0x92, 0x1b])
  t.equal(parseOpcodeSupport((await ask(0x34, 6)).data).support, 'yes')
  t.equal(parseOpcodeSupport((await ask(0x34, 8)).data).support, 'no')
  t.equal((await ask(0x34, 0, 1)).end, '5/24/00')
})

t.test('modes are changed as a whole, and other hosts are told', async (t) => {
  const { drive, emulator } = await loadedDrive()
  const other = emulator.transport('drive1', 'other')
  await settle(other)
  const select = (list: Uint8Array) =>
    send(drive, 'mode-select-10', { pageFormat: true, parameterListLength: list.length }, { dataOut: list })
  const compression = buildCompressionPage({ enabled: false, capable: true, decompress: true, algorithm: 1 })
  const block = { density: 0, blocks: 0, blockBytes: 64 }
  t.equal((await select(buildMode(10, { ...header, block, pages: [compression] }, true))).end, 'good')
  t.same(await settle(other), ['6/2a/01'])
  const sensed = parseMode(10, (await send(drive, 'mode-sense-10', { page: 0x3f })).data)
  t.equal(sensed.block?.blockBytes, 64)
  t.equal(sensed.block?.density, 0x5e)
  t.equal((findPage(sensed, 0x0f)?.data[0] ?? 0) & 0x80, 0)
  const incapable = buildCompressionPage({ enabled: true, capable: false, decompress: true, algorithm: 1 })
  const refused = await select(buildMode(10, { ...header, pages: [incapable] }, true))
  t.equal(refused.end, '5/26/00')
  t.same(refused.sense?.fieldPointer, { inCdb: false, byte: 10 })
  t.equal((await send(drive, 'mode-sense-6', { page: 0x0f, control: 3 })).end, '5/39/00')
  const changeable = parseMode(6, (await send(drive, 'mode-sense-6', { page: 0x0f, control: 1 })).data)
  t.equal(findPage(changeable, 0x0f)?.data[0], 0x80)
  await drive.reset()
  await settle(drive)
  t.equal(parseMode(6, (await send(drive, 'mode-sense-6', { page: 0x0f })).data).block?.blockBytes, 0)
})

t.test('blocks of a fixed length', async (t) => {
  const { drive } = await loadedDrive()
  t.equal(
    (await send(drive, 'write-6', { fixed: true, transferLength: 1 }, { dataOut: Buffer.alloc(4) })).end,
    '5/24/00',
  )
  const block = { density: 0, blocks: 0, blockBytes: 4 }
  const list = buildMode(6, { ...header, block, pages: [] }, true)
  await send(drive, 'mode-select-6', { parameterListLength: list.length }, { dataOut: list })
  const data = Buffer.from('aaaabbbbcccc')
  t.equal((await send(drive, 'write-6', { fixed: true, transferLength: 3 }, { dataOut: data })).end, 'good')
  await send(drive, 'write-filemarks-6', { count: 1 })
  await write(drive, Buffer.from('longer'))
  await send(drive, 'rewind')
  const fixed = (transferLength: number) =>
    send(drive, 'read-6', { fixed: true, transferLength }, { inBytes: 4 * transferLength })
  t.equal((await fixed(2)).data.toString(), 'aaaabbbb')
  const marked = await fixed(3)
  t.equal(marked.end, '0/00/01')
  t.equal(marked.sense?.information, 2)
  t.equal(marked.data.toString(), 'cccc')
  const long = await fixed(1)
  t.equal(long.sense?.incorrectLength, true)
  t.equal(long.sense?.information, 1)
  t.equal((await fixed(1)).end, '8/00/05')
})

t.test('log pages', async (t) => {
  const { drive } = await loadedDrive()
  await write(drive, Buffer.alloc(100))
  t.same(parseSupportedLogPages((await send(drive, 'log-sense')).data), [0, 2, 3, 0x0c, 0x2e, 0x31])
  const { parameters } = parseLogPage((await send(drive, 'log-sense', { page: 0x0c })).data)
  t.equal(Buffer.from(parameters[0]?.value ?? []).readBigUInt64BE(), 100n)
})

t.test('a data-out that is shorter than its command says is refused', async (t) => {
  const { drive } = await loadedDrive()
  const cdb = buildCdb('mode-select-6', { parameterListLength: 12 })
  const { sense } = await drive.execute({ cdb, dataOut: Buffer.alloc(4) })
  t.match(parseSense(sense ?? Buffer.alloc(0)), { key: 5, asc: 0x1a })
  t.equal((await send(drive, 'write-6', { transferLength: 9 }, { dataOut: Buffer.alloc(4) })).end, 'b/4b/00')
})

t.test('a volume that can be written once is written only at its end', async (t) => {
  const { drive } = await loadedDrive({ volumes: [{ name: 'WORM01L8', kind: 'worm' }] })
  t.equal((await write(drive, Buffer.from('one'))).end, 'good')
  t.equal((await send(drive, 'write-filemarks-6', { count: 1 })).end, 'good')
  await send(drive, 'rewind')
  t.equal((await write(drive, Buffer.from('two'))).end, '7/30/0c')
  t.equal((await send(drive, 'erase-6')).end, '7/30/0c')
  await send(drive, 'space-6', { over: 3 })
  t.equal((await write(drive, Buffer.from('two'))).end, 'good')
  const modes = parseMode(6, (await send(drive, 'mode-sense-6', { page: 0x1d })).data)
  t.equal(findPage(modes, 0x1d)?.data[0], 1)
})

t.test('compression makes room', async (t) => {
  const { drive } = await loadedDrive({ capacityBytes: 100, earlyWarningBytes: 0, compressionRatio: 2 })
  for (let block = 0; block < 4; block++) t.equal((await write(drive, Buffer.alloc(50))).end, 'good')
  t.equal((await write(drive, Buffer.alloc(50))).end, 'd/00/02')
})

import t from 'tap'
import {
  attribute,
  attributeNumber,
  attributeText,
  buildAttributes,
  type MediumAttribute,
  parseAttributeList,
  parseAttributes,
} from '../../../src/scsi/attributes.ts'
import { memoryCartridges } from '../../../src/emulator/medium/memory-cartridges.ts'
import { loadedDrive, send, settle, write } from '../send.ts'

const mebibyte = 1024 ** 2
type Drive = Parameters<typeof send>[0]
const all = async (drive: Drive): Promise<Map<number, MediumAttribute>> => {
  const { data } = await send(drive, 'read-attribute', {}, { inBytes: 8192 })
  return new Map(parseAttributes(data).map((one) => [one.id, one]))
}
const put = (drive: Drive, attributes: readonly MediumAttribute[]) => {
  const dataOut = buildAttributes(attributes)
  return send(drive, 'write-attribute', { parameterListLength: dataOut.length }, { dataOut })
}
const text = (id: number, value: string): MediumAttribute => ({
  id,
  readOnly: false,
  format: 'ascii',
  value: Buffer.from(value),
})

t.test('the chip of a volume tells what is on it and what was done to it', async (t) => {
  const store = memoryCartridges()
  const { drive, emulator } = await loadedDrive({ capacityBytes: 10 * mebibyte }, store)
  for (let block = 0; block < 3; block++) await write(drive, Buffer.alloc(mebibyte))
  const told = await all(drive)
  const number = (id: number): number => attributeNumber(told.get(id) as MediumAttribute)
  t.equal(number(attribute.remainingCapacity), 7)
  t.equal(number(attribute.maximumCapacity), 10)
  t.equal(number(attribute.loadCount), 1)
  t.equal(number(attribute.writtenInLife), 3)
  t.equal(number(attribute.mediumType), 0)
  t.equal(attributeText(told.get(attribute.serialNumber) as MediumAttribute), 'SE00001L8')
  const list = parseAttributeList((await send(drive, 'read-attribute', { serviceAction: 1 })).data)
  t.same(list, [...told.keys()])
  await emulator.stop()
})

t.test('what hosts write there is kept', async (t) => {
  const store = memoryCartridges()
  const { drive, emulator } = await loadedDrive({}, store)
  t.equal(
    (await put(drive, [text(attribute.barcode, 'E00001L8'), text(attribute.userLabel, 'mine')])).end,
    'good',
  )
  t.equal((await put(drive, [text(attribute.userLabel, '')])).end, 'good', 'one is taken away')
  t.equal((await put(drive, [text(attribute.serialNumber, 'other')])).end, '5/26/00', "it is not the hosts'")
  t.equal((await put(drive, [text(attribute.userLabel, 'x'.repeat(9000))])).end, '5/55/06')
  await emulator.losePower()
  await settle(drive)
  const told = await all(drive)
  t.equal(attributeText(told.get(attribute.barcode) as MediumAttribute), 'E00001L8')
  t.equal(told.has(attribute.userLabel), false)
  t.same(emulator.volume('E00001L8').attributes['0806']?.format, 1)
})

import { crc32 } from 'node:zlib'
import { createPowerLossStorage } from '@nb/test-kit'
import t from 'tap'
import { directoryCartridges } from '../../../src/emulator/medium/directory-cartridges.ts'

const written = async () => {
  const { files } = createPowerLossStorage()
  const store = directoryCartridges({ files, directory: '/library' })
  const tape = await store.open('TAPE1')
  await tape.appendBlock(Buffer.from('first'))
  await tape.appendFilemark()
  await tape.appendBlock(Buffer.from('second'))
  return { files, store, tape }
}

t.test('the file is what its table says', async (t) => {
  const { files, tape } = await written()
  await tape.close()
  const content = (await files.readFile('/library/TAPE1.tape')) ?? Buffer.alloc(0)
  t.equal(content.subarray(0, 8).toString(), 'nbtape1\n')
  // As a tool would read it: skip 24 bytes, read the length at 4.
  const found: string[] = []
  for (let at = 8; at < content.length; at += 24 + content.readUInt32LE(at + 4)) {
    const kind = content.subarray(at, at + 4).toString()
    found.push(`${kind} ${content.subarray(at + 24, at + 24 + content.readUInt32LE(at + 4)).toString()}`)
  }
  t.same(found, ['nbTB first', 'nbTF ', 'nbTB second'])
})

t.test('a block that was durable and is damaged is told when it is read', async (t) => {
  const { files, store, tape } = await written()
  await tape.sync()
  await tape.appendFilemark()
  await tape.close()
  const file = await files.open('/library/TAPE1.tape', 'update')
  await file.write(Buffer.from('X'), 8 + 24)
  await file.close()
  const again = await store.open('TAPE1')
  t.equal(again.index.objects, 4)
  t.equal(await again.read(0), undefined)
  t.equal(Buffer.from((await again.read(2)) ?? '').toString(), 'second')
})

t.test('a block that was not known to be durable ends the tape where it is not whole', async (t) => {
  const { files, store, tape } = await written()
  await tape.close()
  const file = await files.open('/library/TAPE1.tape', 'update')
  await file.write(Buffer.from('X'), 8 + 24)
  await file.close()
  t.equal((await store.open('TAPE1')).index.objects, 0)
})

t.test(
  'what a record says that is cut off itself counts no more, so the tape opens the same again',
  async (t) => {
    const { files, store, tape } = await written()
    await tape.sync()
    await tape.appendBlock(Buffer.from('the only one that tells of it'))
    await tape.close()
    const file = await files.open('/library/TAPE1.tape', 'update')
    const ofSecond = 8 + 24 + 5 + 24
    await file.write(Buffer.from('X'), ofSecond + 24)
    await file.write(Buffer.from('X'), ofSecond + 24 + 6 + 24)
    await file.close()
    for (const opening of [1, 2]) {
      const again = await store.open('TAPE1')
      t.equal(again.index.objects, 2, `opening ${opening}`)
      await again.close()
    }
  },
)

t.test('a filemark that claims to have a block ends the tape', async (t) => {
  const { files, store, tape } = await written()
  await tape.close()
  const file = await files.open('/library/TAPE1.tape', 'update')
  const header = Buffer.alloc(24)
  const ofFilemark = 8 + 24 + 5
  await file.read(header, ofFilemark)
  header.writeUInt32LE(6, 4)
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20)
  await file.write(header, ofFilemark)
  await file.close()
  t.equal((await store.open('TAPE1')).index.objects, 1)
})

t.test('a file that is no tape is refused, and left alone', async (t) => {
  const { files, store, tape } = await written()
  await tape.close()
  const file = await files.open('/library/OTHER.tape', 'create')
  await file.write(Buffer.from('something else'), 0)
  await file.close()
  await t.rejects(store.open('OTHER'), { code: 'store-corrupt' })
  t.equal((await files.readFile('/library/OTHER.tape'))?.toString(), 'something else')
})

t.test('records are kept, and names that are none are refused', async (t) => {
  const { files, store } = await written()
  t.equal(await store.load('library'), undefined)
  await store.save('library', { slots: [1, null] })
  t.same(await store.load('library'), { slots: [1, null] })
  await t.rejects(store.save('../library', {}), TypeError)
  await t.rejects(store.open('a/b'), TypeError)
  const file = await files.open('/library/broken.json', 'create')
  await file.write(Buffer.from('{'), 0)
  await t.rejects(store.load('broken'), { code: 'store-corrupt' })
})

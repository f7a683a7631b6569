import { createPowerLossStorage } from '@nb/test-kit'
import t from 'tap'
import { directoryCartridges } from '../../src/emulator/medium/directory-cartridges.ts'
import { loadedDrive, read, send, write } from './send.ts'

t.test('it writes and reads', async (t) => {
  const { drive, emulator } = await loadedDrive()
  t.equal((await write(drive, Buffer.from('first'))).end, 'good')
  t.equal((await send(drive, 'write-filemarks-6', { count: 1 })).end, 'good')
  t.equal((await send(drive, 'rewind')).end, 'good')
  t.equal((await read(drive, 100)).data.toString(), 'first')
  t.equal((await read(drive, 100)).end, '0/00/01')
  t.equal((await read(drive, 100)).end, '8/00/05')
  await emulator.stop()
})

t.test('hosts are told when what cartridges are kept in fails, and the error is kept', async (t) => {
  const storage = createPowerLossStorage()
  const store = directoryCartridges({ files: storage.files, directory: '/library' })
  const { drive, emulator } = await loadedDrive({}, store)
  storage.lose()
  t.equal((await write(drive, Buffer.from('lost'))).end, '4/44/00')
  t.match(emulator.failures, [{ code: 'EPOWER' }])
})

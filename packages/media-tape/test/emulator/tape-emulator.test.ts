import t from 'tap'
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

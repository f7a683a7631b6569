import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rawTcp } from '../../src/peers/raw-tcp.ts'

t.test('bytes go into a file over TCP, and come out of it', async (t) => {
  const file = join(t.testdir({}), 'bytes')
  const work = { file, bytes: 4 << 20, blockBytes: 256 << 10 }
  const written = await rawTcp('write', work)
  t.ok(written.wallMs > 0)
  t.equal(statSync(file).size, work.bytes)
  const read = await rawTcp('read', work)
  t.ok(read.cpuMs > 0 && read.peakBytes > 0)
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { NbError, systemClock } from '@nb/contracts'
import { createVirtualClock, scsiTransportSuite } from '@nb/test-kit'
import { createSgTransport } from '../../src/index.ts'
import { Cable } from '../tgtd/cable.ts'

// Runs in the guest: the suite on /dev/sgN of the drive in which a blank volume lies, whose kernel's session goes through a cable here.

const run = promisify(execFile)
const cable = await Cable.to({ host: '10.0.2.2', port: Number(process.env['port']) })
const rewind = { cdb: Uint8Array.of(1, 0, 0, 0, 0, 0) }
let path = ''

before(async () => {
  const session = `. /share/stories/session.sh; log_in ${cable.portal.host} ${cable.portal.port}`
  const { stdout } = await run('/bin/sh', ['-c', session])
  console.log(`# ${stdout.trim()}`)
  const [name = ''] = await readdir('/sys/class/scsi_tape/nst0/device/scsi_generic')
  path = `/dev/${name}`
  console.log(`# the drive is ${path}`)
})
after(() => cable.remove())

scsiTransportSuite(
  { test: (name, body) => test(name, { timeout: 120_000 }, body) },
  {
    // Reading with more room than the block has gives a wrong length with tgtd; the kernel aborts nothing on a caller's word, and mends its
    // session by itself.
    unsupported: ['short-blocks', 'prompt-aborts', 'silent-losses'],
    setup: async () => {
      const clock = createVirtualClock()
      const rewinding = createSgTransport({ clock }, { path })
      await rewinding.execute(rewind)
      assert.equal((await rewinding.execute(rewind)).status, 0)
      await rewinding.close()
      return {
        clock,
        transport: createSgTransport({ clock }, { path }),
        hold: async () => {
          cable.hold()
          return async () => cable.release()
        },
        breakConnection: async () => cable.pull(),
      }
    },
    teardown: async ({ transport }) => {
      cable.release()
      await transport.close()
    },
  },
)

void test('the node of st passes commands on as well, and what is no device says so', async () => {
  const clock = systemClock()
  const through = createSgTransport({ clock }, { path: '/dev/nst0' })
  const dataIn = Buffer.alloc(36)
  assert.equal((await through.execute({ cdb: Uint8Array.of(0x12, 0, 0, 0, 36, 0), dataIn })).dataInBytes, 36)
  assert.equal(dataIn.toString('latin1', 8, 11), 'IET')
  await through.close()
  for (const [bad, code] of [
    ['/dev/sg99', 'not-found'],
    ['/dev/null', 'argument-invalid'],
    ['/share/where', 'argument-invalid'],
  ] as const)
    await assert.rejects(createSgTransport({ clock }, { path: bad }).open(), { code })
})

void test('where nothing comes back, the kernel ends the command: its time is up, or it gives the connection up', async () => {
  const transport = createSgTransport({ clock: systemClock() }, { path })
  await transport.execute(rewind)
  cable.hold()
  // Its iSCSI asks for more time while it waits for the answer to a ping.
  const end = await transport.execute({ ...rewind, timeoutMs: 1000 }).catch((error: unknown) => error)
  cable.release()
  assert.ok(end instanceof NbError, 'no answer')
  console.log(`# ${end.message}`)
  assert.ok(end.code === 'scsi-timeout' || end.code === 'scsi-transport-lost', end.code)
  assert.equal(end.details['sent'], true)
  for (let attempt = 0; attempt < 3; attempt++) if ((await transport.execute(rewind)).status === 0) break
  assert.equal((await transport.execute(rewind)).status, 0)
  await transport.close()
})

import { statSync } from 'node:fs'
import { pathToBytes } from '@nb/contracts'
import t from 'tap'
import { localFileSystems } from '../../src/client/local-file-systems.ts'

const mountinfo = `28 1 8:1 / / rw - ext4 /dev/sda1 rw
29 28 8:2 / /home rw - xfs /dev/sdb1 rw
30 28 8:3 /etc/hosts /etc/hosts rw - ext4 /dev/sdc1 rw
`

t.test('a single file that is a mount is no file system', async (t) => {
  const found = await localFileSystems({
    platform: 'linux',
    mountinfo: async () => Buffer.from(mountinfo),
    isDirectory: async (path) => path.toString() !== '/etc/hosts',
  })
  t.same(found, [
    { mountPoint: '/', type: 'ext4' },
    { mountPoint: '/home', type: 'xfs' },
  ])
})

t.test('another platform, and a table that can not be read, are said', async (t) => {
  const host = { mountinfo: async () => Buffer.from(mountinfo), isDirectory: async () => true }
  await t.rejects(localFileSystems({ ...host, platform: 'darwin' }), {
    code: 'not-supported',
    message: /darwin/,
  })
  const unreadable = async (): Promise<Buffer> => Promise.reject(new Error('EACCES'))
  await t.rejects(localFileSystems({ ...host, platform: 'linux', mountinfo: unreadable }), {
    code: 'source-unreadable',
    message: /EACCES/,
  })
})

t.test('this host', { skip: process.platform === 'linux' ? false : 'not Linux' }, async (t) => {
  for (const { mountPoint } of await localFileSystems()) t.ok(statSync(pathToBytes(mountPoint)).isDirectory())
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runToEnd } from '../../src/measured-process.ts'
import { baculaConfiguration } from '../../src/peers/bacula/configuration.ts'
import { isOnPath } from '../../src/tools.ts'

const options = {
  folder: '/work of a bench',
  source: '/some tree',
  databaseFolder: '/database',
  databaseUser: 'postgres',
  ports: { director: 10001, storage: 10002, file: 10003 },
}

t.test('a site is on this host alone, and its wire is not compressed', async (t) => {
  const { director, storage, file, console } = baculaConfiguration(options)
  for (const [text, address] of [
    [director, 'DirAddress'],
    [storage, 'SDAddress'],
    [file, 'FDAddress'],
  ] as const)
    t.match(text, `${address} = 127.0.0.1`)
  for (const text of [storage, file]) t.match(text, 'CommCompression = no')
  t.match(console, 'DirPort = 10001')
  t.match(director, 'File = "/some tree"')
})

const daemons = { director: 'bacula-dir', storage: 'bacula-sd', file: 'bacula-fd' }
const missing = Object.values(daemons).filter((name) => !isOnPath(name))
const skip = missing.length > 0 ? `${missing.join(', ')} not here: apt-get install bacula` : false

t.test('Bacula takes the configuration', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nb-bacula-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'work'))
  const configuration = baculaConfiguration({ ...options, folder })
  // The director looks for its database as soon as it is asked to test.
  for (const name of ['storage', 'file'] as const) {
    const path = join(folder, `${name}.conf`)
    writeFileSync(path, configuration[name])
    await t.resolves(runToEnd(daemons[name], ['-t', '-c', path]))
  }
})

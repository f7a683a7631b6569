import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { tellSystemd } from '../examples/host-program/src/tell-systemd.ts'

const run = promisify(execFile)
const units = join(import.meta.dirname, '../packaging/systemd')
const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((path) => existsSync(path))
const skip = analyze === undefined && 'systemd-analyze is not installed: apt-get install systemd'

/** The most that `systemd-analyze security` may say of each, 0 to 10: a client has to reach all of its host. */
const exposures = { 'nb-master.service': 20, 'nb-media-server.service': 20, 'nb-client.service': 45 }

const folder = mkdtempSync(join(tmpdir(), 'nb-units-'))
t.teardown(() => rmSync(folder, { recursive: true }))

t.same(
  readdirSync(units)
    .filter((name) => name.endsWith('.service'))
    .sort(),
  Object.keys(exposures).sort(),
)

for (const [name, threshold] of Object.entries(exposures))
  t.test(name, { skip }, async (t) => {
    const text = readFileSync(join(units, name), 'utf8')
    const place = join(folder, name)
    // Whether node is where the unit says is for the host to see.
    writeFileSync(place, text.replace('/usr/bin/node', process.execPath))
    const verified = await run(analyze as string, ['verify', '--man=no', place])
    t.same(verified, { stdout: '', stderr: '' })
    await run(analyze as string, ['security', '--offline=true', `--threshold=${threshold}`, place])
    const program = /\/examples\/([a-z-]+)\/dist\/main\.js --state \/var\/lib\/(\S+) /.exec(text)
    t.match(text, `StateDirectory=${program?.[2]}\n`)
    t.ok(existsSync(join(units, '../../examples', program?.[1] ?? '', 'src/main.ts')))
  })

t.test('a service manager that waits is told, and who does not is not', async (t) => {
  const told = join(folder, 'told')
  const fake = join(folder, 'systemd-notify')
  writeFileSync(fake, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> '${told}'\n`)
  chmodSync(fake, 0o755)
  const env = { PATH: `${folder}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/notify' }
  await tellSystemd(['READY=1', 'STATUS=it runs'], env)
  await tellSystemd(['READY=1'], { PATH: env.PATH })
  t.equal(readFileSync(told, 'utf8'), '/run/notify READY=1 STATUS=it runs\n')
})

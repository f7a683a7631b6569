import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ensureTool, isOnPath, tools } from '../src/tools.ts'

t.test('a command is found where it can be run', async (t) => {
  const folder = t.testdir({ plain: 'no program' })
  const program = join(folder, 'program')
  writeFileSync(program, '#!/bin/sh\n')
  chmodSync(program, 0o755)
  mkdirSync(join(folder, 'empty'))
  t.ok(isOnPath('program', `${folder}/empty:${folder}`))
  t.notOk(isOnPath('plain', folder))
  t.notOk(isOnPath('program', `${folder}/empty`))
  t.notOk(isOnPath('program', ''))
})

t.test('what is missing and cannot be installed is told loudly, with what is left out for it', async (t) => {
  const path = process.env['PATH']
  const told: string[] = []
  process.env['PATH'] = t.testdir({})
  try {
    const found = await ensureTool(
      { command: 'no-such-peer', package: 'peer', without: 'Peer is not compared' },
      (line) => told.push(line),
    )
    t.equal(found, false)
  } finally {
    process.env['PATH'] = path
  }
  t.same(told, [
    'SKIPPED: no-such-peer is not here, so Peer is not compared; install the Debian package peer',
  ])
  t.match(tools.setfattr.without, /no extended attributes/, 'which is no peer')
})

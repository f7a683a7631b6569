import { systemClock } from '@nb/contracts'
import t from 'tap'
import { openScsiUnit } from '../../src/index.ts'

const open = (unit: string): ReturnType<typeof openScsiUnit> =>
  openScsiUnit({ clock: systemClock() }, { unit, initiatorName: 'iqn.2026-11.example.test:me' })

t.test('a URL and a path name a unit each', async (t) => {
  t.equal(
    open('iscsi://192.0.2.1/iqn.2026-11.example.test:tape/2').name,
    'iscsi://192.0.2.1:3260/iqn.2026-11.example.test:tape/2',
  )
  for (const bad of ['iscsi://192.0.2.1', 'iscsi://192.0.2.1/iqn.2026-11.example.test:tape', 'sg1', ''])
    t.throws(() => open(bad), { code: 'argument-invalid' })
})

t.test(
  'a device of this machine',
  { skip: process.platform === 'linux' ? false : 'SG_IO is of Linux' },
  async (t) => {
    t.equal(open('/dev/sg1').name, '/dev/sg1')
    await t.rejects(open('/dev/no-such-device').open(), { code: 'not-found' })
    await t.rejects(
      open('/dev/null').open(),
      { code: 'argument-invalid' },
      'a device that is not SCSI, as its driver says',
    )
    await t.rejects(open(import.meta.filename).open(), { code: 'argument-invalid' })
  },
)

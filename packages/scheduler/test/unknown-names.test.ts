import { nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { type KnownNames, unknownNames } from '../src/unknown-names.ts'

const known: KnownNames = {
  units: [
    { name: 'disk1', type: 'disk' },
    { name: 'tape1', type: 'tape' },
  ],
  groups: [{ name: 'tapes', members: ['tape1'] }],
  pools: [{ name: 'offsite' }],
}
const unit = (name: string) => ({ kind: 'unit' as const, name })

t.test('what a policy names and the server does not have is told, each by where it stands', async (t) => {
  const [full] = nightlyPolicy().schedules
  const policy = nightlyPolicy({
    storage: unit('nix'),
    schedules: [
      { ...(full as NonNullable<typeof full>), storage: { kind: 'group', name: 'tapes' }, volumePool: 'nix' },
    ],
  })
  t.strictSame(unknownNames(policy, { ...known, clients: ['web2'] }), [
    'client web1 is not known here',
    'there is no storage unit nix',
    'schedule full: there is no volume pool nix',
  ])
})

t.test('what is there, or does not matter, is not told', async (t) => {
  for (const policy of [
    nightlyPolicy({ storage: { kind: 'any' }, volumePool: 'offsite' }),
    nightlyPolicy({ storage: unit('tape1'), volumePool: 'offsite' }),
    nightlyPolicy({ storage: unit('disk1'), volumePool: 'nix' }),
  ])
    t.strictSame(unknownNames(policy, known), [])
})

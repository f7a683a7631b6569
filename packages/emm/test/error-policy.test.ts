import type { MediaError } from '@nb/contracts'
import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { type ErrorPolicy, judge } from '../src/error-policy.ts'
import { assigned, drive, volume } from './site.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

const hour = 3_600_000
const policy: ErrorPolicy = { count: 3, periodMs: 12 * hour, assignedErrorState: 'frozen' }

/** Errors an hour apart, each `drive volume`; the last one is judged. */
function judged(texts: readonly string[], changes: Partial<ErrorPolicy> = {}, gapMs = hour) {
  const errors = texts.map((text, index): MediaError => {
    const [name = '', volumeId] = text.split(' ')
    return {
      drive: name,
      kind: 'write',
      at: 100 * hour + index * gapMs,
      ...(volumeId === undefined ? {} : { volumeId }),
    }
  })
  const latest = errors.at(-1)
  if (latest === undefined) throw new Error('no error')
  const suspects = {
    drive: drive(latest.drive),
    ...(latest.volumeId === undefined ? {} : { volume: assigned(latest.volumeId, 1) }),
  }
  return judge(errors, latest, suspects, { ...policy, ...changes }).verdict
}

t.test('two errors have no consequence, the third has, by its pattern', async (t) => {
  t.match(judged(['d1 V1', 'd2 V1']), { action: 'none', text: /error 2 of 3/ })
  t.match(judged(['d1 V1', 'd2 V1', 'd1 V1']), { action: 'volume-frozen', text: /drives d1, d2.*way back/ })
  t.match(judged(['d1 V1', 'd1 V2', 'd1 V3']), { action: 'drive-down', text: /volumes V1, V2, V3.*way back/ })
  t.match(judged(['d1 V1', 'd1 V1', 'd1 V1']), { action: 'volume-frozen', text: /in drive d1/ })
  t.match(judged(['d1', 'd1', 'd1']), { action: 'drive-down', text: /no known volume/ })
})

t.test('a volume bad on two drives goes before a drive bad with two volumes', async (t) => {
  t.match(judged(['d1 V1', 'd2 V1', 'd1 V2', 'd1 V1']), { action: 'volume-frozen' })
})

t.test('errors older than the period do not count', async (t) => {
  t.match(judged(['d1 V1', 'd2 V1', 'd1 V1'], {}, 6 * hour), { action: 'none' })
  t.match(judged(['d1 V1', 'd2 V1', 'd1 V1'], {}, 6 * hour - 1), { action: 'volume-frozen' })
})

t.test('a volume with images is suspended where the option says so, one without is frozen', async (t) => {
  const errors = ['d1 V1', 'd2 V1', 'd1 V1']
  t.match(judged(errors, { assignedErrorState: 'suspended' }), { action: 'volume-suspended' })
  const all = errors.map((_, at): MediaError => ({
    drive: at === 1 ? 'd2' : 'd1',
    volumeId: 'V1',
    kind: 'read',
    at,
  }))
  const latest = all.at(-1) as MediaError
  const suspects = { drive: drive('d1'), volume: volume('V1') }
  t.match(judge(all, latest, suspects, { ...policy, assignedErrorState: 'suspended' }).verdict, {
    action: 'volume-frozen',
  })
})

t.test('what is frozen or down already gets no second judgement', async (t) => {
  const all = [1, 2, 3, 4].map((at): MediaError => ({
    drive: at === 2 ? 'd2' : 'd1',
    volumeId: 'V1',
    kind: 'read',
    at,
  }))
  const latest = all.at(-1) as MediaError
  const frozen = { drive: drive('d1'), volume: assigned('V1', 1, { state: 'frozen' }) }
  t.match(judge(all, latest, frozen, policy), { verdict: { action: 'none', text: /in force already/ } })
  const several = all.map((error, index) => ({ ...error, drive: 'd1', volumeId: `V${index}` }))
  const down = { drive: drive('d1', { state: 'down' }), volume: volume('V3') }
  t.match(judge(several, several.at(-1) as MediaError, down, policy), { verdict: { action: 'none' } })
})

t.test('it acts exactly when the count is reached, on what the errors have in common', async (t) => {
  const seed = numberSetting('NB_SEED', 20_260_101)
  const error = fc.record({
    drive: fc.constantFrom('d1', 'd2'),
    volumeId: fc.constantFrom('V1', 'V2'),
    gap: fc.nat(8 * hour),
  })
  const acted = { volume: 0, drive: 0, none: 0 }
  fc.assert(
    fc.property(
      fc.array(error, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      (texts, count) => {
        let at = 100 * hour
        const errors = texts.map(({ drive: name, volumeId, gap }): MediaError => {
          at += gap
          return { drive: name, volumeId, kind: 'read', at }
        })
        const latest = errors.at(-1) as MediaError
        const suspects = { drive: drive(latest.drive), volume: assigned(latest.volumeId ?? '', 1) }
        const { action } = judge(errors, latest, suspects, { ...policy, count }).verdict
        const recent = errors.filter((one) => latest.at - one.at < policy.periodMs)
        const ofVolume = recent.filter(({ volumeId }) => volumeId === latest.volumeId)
        const ofDrive = recent.filter((one) => one.drive === latest.drive)
        const drives = new Set(ofVolume.map((one) => one.drive)).size
        const volumes = new Set(ofDrive.map(({ volumeId }) => volumeId)).size
        acted[action === 'none' ? 'none' : action === 'drive-down' ? 'drive' : 'volume'] += 1
        if (action === 'drive-down') return ofDrive.length >= count && volumes > 1
        if (action === 'none') return ofVolume.length < count && (ofDrive.length < count || volumes < 2)
        return ofVolume.length >= count && (drives > 1 || ofDrive.length < count || volumes < 2)
      },
    ),
    { seed, numRuns: process.env['NB_LONG'] === '1' ? 20_000 : 1000 },
  )
  t.ok(acted.volume > 0 && acted.drive > 0 && acted.none > 0, JSON.stringify(acted))
})

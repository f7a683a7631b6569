import type { FragmentRecord, Json } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { FoundOnVolumes } from '../src/found-on-volumes.ts'
import { volumeRuns } from '../src/volume-runs.ts'

const backupId = 'web1_1'

/** A row of fragments on these volumes, in order. */
function rowOn(volumes: readonly string[]): readonly FragmentRecord[] {
  return volumes.map((volumeId, index) => ({
    number: index + 1,
    streamOffset: index * 512,
    streamBytes: 512,
    wholeMembers: true,
    blockBytes: 262_144,
    volumeId,
    filemark: index + 2,
  }))
}

/** The image's record as the last fragment has it: it names those before. */
function recordOf(row: readonly FragmentRecord[]): Json {
  return { backupId, copies: [{ copy: 1, fragments: row.slice(0, -1) }] } as unknown as Json
}

function look(row: readonly FragmentRecord[], without: string | undefined): FoundOnVolumes {
  const found = new FoundOnVolumes()
  for (const volumeId of new Set(row.map((each) => each.volumeId ?? ''))) {
    if (volumeId === without) continue
    found.begin(volumeId)
    for (const fragment of row)
      if (fragment.volumeId === volumeId)
        found.add({ kind: 'fragment', backupId, copy: 1, fragment, last: fragment.number === row.length })
  }
  return found
}

const volumes = fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1, maxLength: 12 })

t.test('whatever volumes a copy is on, its row is put together; a missing volume is named', async (t) => {
  fc.assert(
    fc.property(volumes, fc.constantFrom(undefined, 'A', 'B', 'C', 'D'), (on, without) => {
      const row = rowOn(on)
      const found = look(row, without)
      const end = on.at(-1)
      if (end === without) {
        try {
          found.lastOf(backupId, 1)
        } catch (error) {
          return (error as { code?: string }).code === 'image-incomplete'
        }
        return false
      }
      const [last] = found.lastOf(backupId, 1)
      if (last === undefined) return false
      try {
        const put = found.rowOf(backupId, 1, recordOf(row), last)
        return JSON.stringify(put) === JSON.stringify(row) && !on.some((each) => each === without)
      } catch (error) {
        const missing = new RegExp(`volume ${without}, which is missing here`)
        return without !== undefined && on.includes(without) && missing.test((error as Error).message)
      }
    }),
  )
  t.end()
})

t.test('of a copy that was begun again the later fragments count', async (t) => {
  const first = rowOn(['A', 'A'])
  const again = rowOn(['A', 'B']).map((each) => ({ ...each, filemark: (each.filemark ?? 0) + 10 }))
  const found = new FoundOnVolumes()
  for (const row of [first, again])
    for (const fragment of row)
      found.add({ kind: 'fragment', backupId, copy: 1, fragment, last: fragment.number === 2 })
  const [last = first[0]] = found.lastOf(backupId, 1)
  t.same(last, again[1])
  if (last !== undefined) t.same(found.rowOf(backupId, 1, recordOf(again), last), again)
})

t.test('a record that says nothing of fragments is refused, not believed', async (t) => {
  const row = rowOn(['A', 'B'])
  const found = look(row, undefined)
  const [last] = found.lastOf(backupId, 1)
  for (const record of [null, 'x', {}, { copies: 3 }, { copies: [{ copy: 2 }] }] as const)
    t.throws(() => last !== undefined && found.rowOf(backupId, 1, record, last), { code: 'fragment-missing' })
  t.throws(() => found.lastOf('none_1', 1), { code: 'image-incomplete' })
})

t.test('fragments by volume keep their order, and all of them', async (t) => {
  fc.assert(
    fc.property(volumes, (on) => {
      const row = rowOn(on)
      const runs = volumeRuns(row)
      const isAlternating = runs.every(
        (run, index) => index === 0 || runs[index - 1]?.volumeId !== run.volumeId,
      )
      return (
        isAlternating && JSON.stringify(runs.flatMap(({ fragments }) => fragments)) === JSON.stringify(row)
      )
    }),
  )
  t.end()
})

import { createVolumeStore, mediaServerSpanningSuite, mediaServerSuite } from '@nb/test-kit'
import t from 'tap'
import { setup, teardown } from './suited.ts'
import { storageUnit } from './world.ts'

t.test('a media server', async (t) => {
  mediaServerSuite(
    t,
    { setup: () => setup(t.testdir(), false), teardown },
    { checkpoints: true, removals: true, verifies: true },
  )
})

t.test('a media server behind a wire', async (t) => {
  mediaServerSuite(
    t,
    { setup: () => setup(t.testdir(), true), teardown },
    { checkpoints: true, removals: true, verifies: true },
  )
})

for (const wired of [false, true])
  t.test(`a media server on volumes that come to their end${wired ? ', behind a wire' : ''}`, async (t) => {
    const volumeIds = ['V00001', 'V00002', 'V00003']
    const onVolumes = (): ReturnType<typeof setup> => {
      const store = createVolumeStore({ storageUnit, volumeBytes: 400_000, warningBytes: 65_536 })
      return setup(t.testdir(), wired, { store, volumeIds, drive: 'd1' })
    }
    mediaServerSpanningSuite(t, { setup: onVolumes, teardown }, { media: 3 })
  })

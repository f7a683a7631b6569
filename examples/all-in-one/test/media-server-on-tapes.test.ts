import { TAPE_BLOCK_BYTES } from '@nb/formats'
import { mediaServerSpanningSuite } from '@nb/test-kit'
import t from 'tap'
import { tapeRig } from '../../../packages/media-tape/test/store/tape-rig.ts'
import { setup, teardown } from '../../../packages/transfer/test/media/suited.ts'
import { storageUnit } from '../../../packages/transfer/test/media/world.ts'

const volumeIds = ['A00001', 'A00002', 'A00003']

t.test('a media server on tapes of the emulated library, each too short for an image', async (t) => {
  const onTapes = async (): ReturnType<typeof setup> => {
    const rig = await tapeRig({
      ...{ volumes: volumeIds.map((id) => `${id}L8`), slots: 4 },
      ...{ capacityBytes: 16 * TAPE_BLOCK_BYTES, earlyWarningBytes: 12 * TAPE_BLOCK_BYTES },
    })
    // The world of the media server has a name of its own for its storage unit.
    const mount: typeof rig.store.mount = (input, options) => {
      const allocation = { ...input.allocation, storageUnit: rig.store.storageUnit }
      return rig.store.mount({ ...input, allocation }, options)
    }
    return setup(t.testdir(), false, {
      store: { ...rig.store, storageUnit, mount },
      ...{ volumeIds, drive: 'drive1' },
    })
  }
  mediaServerSpanningSuite(t, { setup: onTapes, teardown }, { media: 3 })
})

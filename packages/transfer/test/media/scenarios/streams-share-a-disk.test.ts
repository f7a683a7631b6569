import type { FragmentWriter, MediaStore, SessionReport } from '@nb/contracts'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { filesOf, makeImage } from '../made-image.ts'
import { type World, backupId, createWorld } from '../world.ts'

const blockBytes = 65_536
const seed = numberSetting('NB_SEED', 20260101)

/** What a disk was asked to write, in the order in which it was done. */
interface Write {
  readonly stream: string
  readonly bytes: number
  /** Writes that were done since it was asked for. */
  readonly waitedFor: number
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A disk that does one write after the other, each in as many turns of the event loop as it has blocks. */
class SerialDisk {
  readonly done: Write[] = []
  #last: Promise<void> = Promise.resolve()

  wrap(store: MediaStore): MediaStore {
    return {
      storageUnit: store.storageUnit,
      storedImages: (options) => store.storedImages(options),
      removeImage: (input) => store.removeImage(input),
      mount: async (input) => {
        const medium = await store.mount(input)
        return {
          openFragment: (each) => medium.openFragment(each),
          describeFragment: (each) => medium.describeFragment(each),
          unmount: () => medium.unmount(),
          createFragment: async (each) => this.#writer(each.backupId, await medium.createFragment(each)),
        }
      },
    }
  }

  #writer(stream: string, writer: FragmentWriter): FragmentWriter {
    return {
      write: (chunk) => {
        const asked = this.done.length
        const written = this.#last.then(async () => {
          for (let at = 0; at < chunk.length; at += blockBytes) await turn()
          await writer.write(chunk)
          this.done.push({ stream, bytes: chunk.length, waitedFor: this.done.length - asked })
        })
        this.#last = written.catch(() => undefined)
        return written
      },
      commit: (trailer) => writer.commit(trailer),
      discard: () => writer.discard(),
      writeFrame: (frame) => writer.writeFrame(frame),
      get storedBytes() {
        return writer.storedBytes
      },
      get streamBytes() {
        return writer.streamBytes
      },
    }
  }
}

const image = makeImage(backupId, filesOf(Array.from({ length: 12 }, () => 1_000_000)))

/** A backup whose client sends in such pieces; resolves once its reader has been started. */
async function start(
  world: World,
  name: string,
  script: { readonly chunkBytes: number; readonly beforeWrite?: () => Promise<void> },
): Promise<{ readonly report: Promise<SessionReport> }> {
  world.agent.script = { image, ...script }
  const spec = world.backupSpec({ backupId: name, jobId: name })
  const session = await world.server.startBackup({ ...spec, jobId: name })
  while (!world.agent.backups.some((each) => each.backupId === name)) await turn()
  return { report: world.report(session) }
}

/** What was written while all of these streams were busy: from when each had begun until the first had all. */
function whileAllBusy(done: readonly Write[], streams: readonly string[]): readonly Write[] {
  const from = Math.max(...streams.map((name) => done.findIndex(({ stream }) => stream === name)))
  const left = new Map(streams.map((name) => [name, image.stream.length]))
  const end = done.findIndex(({ stream, bytes }) => {
    left.set(stream, (left.get(stream) ?? Infinity) - bytes)
    return (left.get(stream) ?? 0) <= 0
  })
  return done.slice(from, end)
}

const bytesOf = (done: readonly Write[], name: string): number =>
  done.filter(({ stream }) => stream === name).reduce((sum, { bytes }) => sum + bytes, 0)

t.test(
  'fast streams share a disk alike, in whatever pieces they come; a slow one is never held up',
  async (t) => {
    t.comment(`seed ${seed}`)
    const random = seededRandom(seed)
    const disk = new SerialDisk()
    const world = await createWorld(t.testdir(), {
      blockBytes,
      bufferBlocks: 16,
      wrapStore: (store) => disk.wrap(store),
    })
    world.maxFragmentBytes = 2 ** 30
    const fast = ['web1_1', 'web1_2', 'web1_3', 'web1_4']
    const reports: Promise<SessionReport>[] = []
    // All begin to send at once.
    let go: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (go = resolve))
    for (const name of fast) {
      const chunkBytes = Math.floor(2 ** (12 + random() * 9))
      reports.push((await start(world, name, { chunkBytes, beforeWrite: () => gate })).report)
    }
    let pauses = 0
    const pause = async (): Promise<void> => {
      await gate
      pauses += 1
      for (let left = 40; left > 0; left--) await turn()
    }
    const slow = await start(world, 'web1_5', { chunkBytes: blockBytes, beforeWrite: pause })
    const begun = (): number => world.lines.filter(({ text }) => text === 'begin writing').length
    while (begun() <= fast.length) await turn()
    go()
    for (const report of await Promise.all([...reports, slow.report]))
      t.equal(report.status, 0, report.statusText)

    const busy = whileAllBusy(disk.done, fast)
    const shares = fast.map((name) => bytesOf(busy, name))
    t.comment(
      `bytes of each stream while all were busy: ${shares.join(' ')}; of the slow one ${bytesOf(busy, 'web1_5')}`,
    )
    t.ok(Math.min(...shares) > (4 * image.stream.length) / 6, 'they were busy together for most of the time')
    // A write takes up to four blocks, and a stream may be one ahead or behind.
    t.ok(Math.max(...shares) - Math.min(...shares) <= 2 * 4 * blockBytes, 'no stream got more than another')
    const waits = disk.done.map(({ waitedFor }) => waitedFor)
    t.ok(Math.max(...waits) <= fast.length, 'nobody waits for more than one write of each other')
    t.ok(pauses > 0 && bytesOf(disk.done, 'web1_5') === image.stream.length)
  },
)

import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { createBlockPipe, openBlockPipe } from '../../src/client/block-pipe.ts'

t.test('bytes come out as they went in, whatever the block sizes', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1, 2, 4, 8),
      fc.array(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 16 }), fc.constant(new Uint8Array(16))), {
        maxLength: 60,
      }),
      fc.constantFrom(1, 3),
      async (blocks, pieces, mostBlocks) => {
        const writer = createBlockPipe({ blocks, blockBytes: 16 })
        const reader = openBlockPipe(writer.shared)
        const write = async (): Promise<void> => {
          for (const piece of pieces) {
            ;(await writer.claim()).set(piece)
            writer.publish(piece.length)
          }
          writer.end()
        }
        const out: number[] = []
        const read = async (): Promise<void> => {
          for (;;) {
            const bytes = await reader.take(mostBlocks)
            if (bytes === undefined) break
            t.ok(bytes.length <= mostBlocks * 16)
            out.push(...bytes)
            reader.release()
          }
        }
        await Promise.all([write(), read()])
        t.strictSame(
          out,
          pieces.flatMap((piece) => [...piece]),
        )
      },
    ),
    { numRuns: 50 },
  )
})

t.test('a writer waits while all blocks are full', async (t) => {
  const pipe = createBlockPipe({ blocks: 2, blockBytes: 4 })
  for (let i = 0; i < 2; i++) {
    await pipe.claim()
    pipe.publish(1)
  }
  let isClaimed = false
  const third = pipe.claim().then(() => (isClaimed = true))
  await Promise.resolve()
  t.equal(isClaimed, false)
  await pipe.take()
  pipe.release()
  await third
  t.equal(isClaimed, true)
})

t.test('a writer sleeps on until a quarter is empty', async (t) => {
  const pipe = createBlockPipe({ blocks: 8, blockBytes: 4 })
  const fill = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await pipe.claim()
      pipe.publish(4)
    }
  }
  const turns = () => new Promise((resolve) => setTimeout(resolve, 5))
  await fill(8)
  let isClaimed = false
  const ninth = pipe.claim().then(() => (isClaimed = true))
  await turns()
  await pipe.take()
  pipe.release()
  await turns()
  t.equal(isClaimed, false)
  await pipe.take()
  pipe.release()
  await ninth
})

t.test(
  'a reader sleeps on while more follows, until a quarter is full, it is woken, or the end comes',
  async (t) => {
    const pipe = createBlockPipe({ blocks: 8, blockBytes: 4 })
    let taken = 0
    const read = (async () => {
      for (let block = await pipe.take(); block !== undefined; block = await pipe.take()) {
        taken++
        pipe.release()
      }
    })()
    const turns = async (enough: () => boolean): Promise<void> => {
      for (let turn = 0; turn < 1000 && !enough(); turn++)
        await new Promise((resolve) => setImmediate(resolve))
    }
    const publish = async (moreFollows: boolean): Promise<void> => {
      await pipe.claim()
      pipe.publish(4, moreFollows)
    }
    await publish(true)
    let turn = 0
    await turns(() => ++turn > 5)
    t.equal(taken, 0, 'one of eight')
    await publish(true)
    await turns(() => taken === 2)
    t.equal(taken, 2, 'two of eight')
    await publish(true)
    pipe.wake()
    await turns(() => taken === 3)
    t.equal(taken, 3, 'woken')
    await publish(false)
    await turns(() => taken === 4)
    t.equal(taken, 4, 'nothing more is announced')
    await publish(true)
    pipe.end()
    await read
    t.equal(taken, 5)
  },
)

t.test('a thread that blocks on a pipe is woken by blocks, by the end and by an abort', async (t) => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.module).then(({ openBlockPipe }) => {
      const input = openBlockPipe(workerData.input), output = openBlockPipe(workerData.output)
      try {
        for (let block = input.takeSync(); block !== undefined; block = input.takeSync()) {
          output.claimSync().set(block); output.publish(block.length); input.release()
        }
        output.end()
        parentPort.postMessage('ended')
      } catch (error) { parentPort.postMessage(error.name) }
    })`
  const start = (): {
    echo: [ReturnType<typeof createBlockPipe>, ReturnType<typeof createBlockPipe>]
    said: Promise<unknown>
  } => {
    const input = createBlockPipe({ blocks: 2, blockBytes: 8 })
    const output = createBlockPipe({ blocks: 2, blockBytes: 8 })
    const module = new URL('../../src/client/block-pipe.ts', import.meta.url).href
    const worker = new Worker(source, {
      eval: true,
      workerData: { module, input: input.shared, output: output.shared },
    })
    return { echo: [input, output], said: new Promise((resolve) => worker.once('message', resolve)) }
  }

  const {
    echo: [input, output],
    said,
  } = start()
  const feed = async (): Promise<void> => {
    for (let i = 0; i < 500; i++) {
      ;(await input.claim()).writeUInt32LE(i)
      input.publish(4)
    }
    input.end()
  }
  let count = 0
  const drain = async (): Promise<void> => {
    for (let block = await output.take(); block !== undefined; block = await output.take()) {
      if (block.readUInt32LE() === count) count++
      output.release()
    }
  }
  await Promise.all([feed(), drain()])
  t.equal(count, 500)
  t.equal(await said, 'ended')

  const aborted = start()
  aborted.echo[0].abort()
  t.equal(await aborted.said, 'AbortError')
  await t.rejects(aborted.echo[0].claim(), { name: 'AbortError' })
  await t.rejects(aborted.echo[0].take(), { name: 'AbortError' })
})

t.test('a reader that has given back little, and waits for more, wakes the writer', async (t) => {
  const pipe = createBlockPipe({ blocks: 8, blockBytes: 1 })
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.module).then(({ openBlockPipe }) => {
      const pipe = openBlockPipe(workerData.pipe)
      for (let block = 0; block < 8; block++) pipe.takeAheadSync()
      pipe.release()
      parentPort.postMessage(pipe.takeAheadSync()[0])
    })`
  for (let block = 0; block < 8; block++) {
    ;(await pipe.claim())[0] = block
    pipe.publish(1)
  }
  const module = new URL('../../src/client/block-pipe.ts', import.meta.url).href
  const ninth = pipe.claim()
  const worker = new Worker(source, { eval: true, workerData: { module, pipe: pipe.shared } })
  const said = new Promise((resolve) => worker.once('message', resolve))
  ;(await ninth)[0] = 8
  pipe.publish(1)
  t.equal(await said, 8)
})

t.test('wrong sizes are refused', async (t) => {
  t.throws(() => createBlockPipe({ blocks: 3, blockBytes: 4 }), RangeError)
  const pipe = createBlockPipe({ blocks: 1, blockBytes: 4 })
  await pipe.claim()
  t.throws(() => pipe.publish(5), RangeError)
})

import t from 'tap'
import { createEmitter } from '../src/events.ts'

interface Events {
  'job:finished': { readonly jobId: string }
}

const silent = Object.assign(() => {}, { error: () => {}, trace: () => {} })

t.test('a listener that throws harms nobody', async (t) => {
  const heard: string[] = []
  const emitter = createEmitter<Events>(silent)
  emitter.on('job:finished', () => {
    throw new Error('bad listener')
  })
  emitter.on('job:finished', ({ jobId }) => heard.push(jobId))
  emitter.emit('job:finished', { jobId: '1' })
  t.same(heard, ['1'])
})

t.test('once hears once, off takes away', async (t) => {
  const heard: string[] = []
  const listener = ({ jobId }: { jobId: string }): void => void heard.push(jobId)
  const emitter = createEmitter<Events>(silent)
  emitter.once('job:finished', listener)
  emitter.emit('job:finished', { jobId: '1' })
  emitter.emit('job:finished', { jobId: '2' })
  emitter.on('job:finished', listener)
  emitter.off('job:finished', listener)
  emitter.emit('job:finished', { jobId: '3' })
  t.same(heard, ['1'])
})

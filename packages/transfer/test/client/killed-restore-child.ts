// The child of restore-is-killed.test.ts: restores, and kills itself at the moment that it is told.
import { extractInThread, planFor } from './extract-in-thread.ts'
import { readInThread } from './read-in-thread.ts'

const [source, target, note, moment, path] = process.argv.slice(2) as [string, string, string, string, string]
const { records, archive } = readInThread([source])
extractInThread(target, planFor(records, source), [archive], {
  ifExists: 'skip',
  note: { path: note, jobId: '8' },
  observe: (now, at) => {
    if (now === moment && at.toString() === path) process.kill(process.pid, 'SIGKILL')
  },
})

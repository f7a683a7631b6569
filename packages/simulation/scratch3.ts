import { createHook } from 'node:async_hooks'
import fs from 'node:fs'
const tally = new Map<string, number>()
let n = 0
Error.stackTraceLimit = 12
createHook({
  init(_id, type) {
    if (type !== 'PROMISE' || n++ % 101 !== 0) return
    const lines = (new Error().stack ?? '')
      .split('\n')
      .slice(2)
      .filter((l) => !l.includes('scratch3') && !l.includes('node:internal'))
    const short = (l: string) =>
      l
        .trim()
        .replace(/^at (async )?/, '')
        .replace(/\(?file:.*\/(packages|node_modules)\//, '(')
        .replace(/:\d+\)?$/, '')
    const k = lines.slice(0, 1).map(short).join(' < ')
    tally.set(k, (tally.get(k) ?? 0) + 1)
  },
}).enable()
await import('./scratch.ts')
const total = [...tally.values()].reduce((a, b) => a + b, 0)
fs.writeFileSync(
  '/tmp/sim-prof/promises.txt',
  [...tally]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 60)
    .map(([k, v]) => ((v / total) * 100).toFixed(1) + '% ' + k)
    .join('\n'),
)

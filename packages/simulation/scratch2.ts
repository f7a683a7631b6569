import { MemoryStore } from './src/memory-store.ts'
import { MessageChannel } from 'node:worker_threads'
const counts: Record<string, number> = {}
const c = (k: string, n = 1) => {
  counts[k] = (counts[k] ?? 0) + n
}
const proto = MemoryStore.prototype as any
for (const name of [
  '_put',
  '_get',
  '_del',
  '_batch',
  '_has',
  '_getMany',
  '_iterator',
  '_keys',
  '_values',
  '_clear',
]) {
  const old = proto[name]
  if (old === undefined) continue
  proto[name] = function (...a: any[]) {
    c(name)
    if (name === '_batch')
      for (const op of a[0]) {
        c('op ' + op.type + ' ' + op.key.split('!').slice(1, 3).join('/').slice(0, 40))
        if (op.value) c('bytes ' + op.key.split('!').slice(1, 3).join('/').slice(0, 40), op.value.length)
      }
    else if (typeof a[0] === 'string') c(name + ' ' + a[0].split('!').slice(1, 3).join('/').slice(0, 40))
    return old.apply(this, a)
  }
}
const si = globalThis.setImmediate
;(globalThis as any).setImmediate = (f: any) => {
  c('turns')
  return si(f)
}
let promises = 0
import { createHook } from 'node:async_hooks'
if (process.argv[5])
  createHook({
    init(_id, type) {
      if (type === 'PROMISE') promises++
    },
  }).enable()
const { createSimulation } = await import('@nb/simulation')
process.argv[2] ??= '1000'
await import('./scratch.ts')
console.log('promises', promises)
for (const [k, v] of Object.entries(counts).sort((a, b) => b[1] - a[1])) console.log(v, k)

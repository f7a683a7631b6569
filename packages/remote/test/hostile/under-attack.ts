import { once } from 'node:events'
import type { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { type Attacked, attacked } from './attacked.ts'

const isLong = process.env['NB_LONG'] === '1'
/** A count, the long one under `NB_LONG=1`. */
export const times = (ordinary: number, long: number): number => (isLong ? long : ordinary)
export const mib: number = 2 ** 20

/** More than all attacks of a file together may take at their height: half as much again as was measured. */
const mostGrowth = 400 * mib
/** What an honest caller may have to wait for its answer in the midst of it, milliseconds. */
const mostWait = 10_000

/** Runs an attack for a while, and asserts what must hold in its midst and after it. */
export type Under = (name: string, attack: () => Promise<unknown>) => Promise<void>

/** A server to be attacked. */
export async function openAttacked(): Promise<{ readonly site: Attacked; readonly under: Under }> {
  t.setTimeout(times(110_000, 900_000))
  const site = await attacked()
  t.teardown(site.end)
  const base = await site.tell('measure')
  // A wait that is as long as this is of the attacker's own process, or of a machine that stood still.
  const here = monitorEventLoopDelay()
  here.enable()
  const under: Under = async (name, attack) => {
    await t.test(name, async (t) => {
      await site.tell('begin')
      site.honestWork()
      here.reset()
      const came = await attack()
      const { rss, heap, audited, longestTurnMs } = await site.tell('measure')
      const { done, slowestMs, failures } = site.honestWork()
      const slowest = Math.round(slowestMs)
      const more = (bytes: number, before = base.rss): number => Math.round((bytes - before) / mib)
      const peak = more(site.peak())
      t.comment(
        `${more(rss)} MiB more (heap ${more(heap, base.heap)}), ${peak} MiB at the height; ${done} honest calls, the slowest ${slowest} ms (the longest turn of the server ${longestTurnMs} ms, of the attacker ${Math.round(here.max / 1e6)} ms), failed tries ${JSON.stringify(failures)}` +
          (typeof came === 'string' ? `; ${came}` : ''),
      )
      t.ok(site.lives(), 'the server lives')
      t.ok(peak * mib < mostGrowth, `${peak} MiB more than before`)
      t.ok(slowest < mostWait, `an honest caller waited ${slowest} ms`)
      t.ok(audited - base.audited < 1000, `${audited} audit entries`)
      site.leave()
    })
  }
  return { site, under }
}

/** What a connection was told until it ended, or until nothing more comes. */
export async function heard(socket: Socket, quietMs = 500): Promise<string> {
  let text = ''
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  for (let before = -1; before !== text.length && !socket.destroyed;) {
    before = text.length
    await Promise.race([
      once(socket, 'close').catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, quietMs)),
    ])
  }
  return text
}

/** A call as it goes over a connection. */
export const post = (path: string, body: string, more = ''): string =>
  `POST /rpc/${path} HTTP/1.1\r\nhost: nb\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`

/** Makes many, fifty at once. */
export async function atOnce<Result>(
  count: number,
  make: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const all: Result[] = []
  for (let at = 0; at < count; at += 50)
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(50, count - at) }, (_, index) => make(at + index)),
      )),
    )
  return all
}

/** All of an answer, however long that is in coming. */
export async function wholeAnswer(socket: TLSSocket, request: string): Promise<string> {
  const pieces: Buffer[] = []
  const ended = once(socket, 'close')
  socket.on('data', (bytes: Buffer) => pieces.push(bytes))
  socket.write(request)
  await ended.catch(() => undefined)
  return Buffer.concat(pieces).toString('latin1')
}

import type { Socket } from 'node:net'
import { type Clock, NbError } from '@nb/contracts'
import { createDeferred } from './deferred.ts'
import { wireCompressionUnsupported } from './wire-compression.ts'

/** The first line of a connection: what follows, the token, and how the data may be compressed where that is wanted. */
const greeting = 'nb-data/1 '
const accepted = 'nb-data/1 open'
const refused = 'nb-data/1 shut'
/** Behind the token, that the connecting side compresses; behind the answer, that both do. */
const zstd = ' zstd'

/** The longest first line anybody may send, bytes. */
const longestLine = 256

/** How long the other side may take for its line, milliseconds. */
const handshakeMs = 10_000

/**
 * The listening side: reads the token and answers. `redeem` gives what takes the connection over, which is called
 * before anything else can arrive, and told whether both sides compress: where the other asks for it and this process can.
 */
export async function answerTicket(
  socket: Socket,
  clock: Clock,
  redeem: (token: string) => ((compressed: boolean) => void) | undefined,
): Promise<void> {
  const line = await readLine(socket, clock)
  const wantsZstd = line.endsWith(zstd)
  const token = line.slice(greeting.length, wantsZstd ? -zstd.length : undefined)
  const takeOver = line.startsWith(greeting) ? redeem(token) : undefined
  if (takeOver === undefined) {
    socket.end(`${refused}\n`, () => socket.destroy())
    return
  }
  const compressed = wantsZstd && wireCompressionUnsupported() === undefined
  socket.write(`${accepted}${compressed ? zstd : ''}\n`)
  takeOver(compressed)
}

/** How a ticket was answered. */
export interface TicketAnswer {
  /** Whether the ticket was good. */
  readonly open: boolean
  /** Whether both sides compress what they send. */
  readonly compressed: boolean
}

/** The connecting side: how the ticket was answered. Rejects when nobody answers. */
export async function presentTicket(
  socket: Socket,
  clock: Clock,
  token: string,
  compress = false,
): Promise<TicketAnswer> {
  socket.write(`${greeting}${token}${compress ? zstd : ''}\n`)
  const answer = await readLine(socket, clock)
  if (answer === accepted) return { open: true, compressed: false }
  if (answer === refused) return { open: false, compressed: false }
  if (compress && answer === `${accepted}${zstd}`) return { open: true, compressed: true }
  throw new NbError('version-unsupported', 'what answered is not a data channel of this version')
}

/** The first line; what came behind it is put back for the next reader. */
async function readLine(socket: Socket, clock: Clock): Promise<string> {
  const line = createDeferred<string>()
  let got = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    got = Buffer.concat([got, bytes])
    const end = got.indexOf(0x0a)
    if (end >= 0) line.resolve(got.toString('latin1', 0, end))
    else if (got.length > longestLine) line.reject(new Error('the first line is too long'))
  }
  const onError = (error: Error): void => line.reject(error)
  const onClose = (): void => line.reject(new Error('the connection was closed'))
  const cancel = clock.setTimer(handshakeMs, () => line.reject(new Error('no answer in time')))
  socket.on('data', onData)
  socket.on('error', onError)
  socket.on('close', onClose)
  try {
    const text = await line.promise
    socket.pause()
    const rest = got.subarray(text.length + 1)
    if (rest.length > 0) socket.unshift(rest)
    return text
  } finally {
    cancel()
    socket.off('data', onData)
    socket.off('error', onError)
    socket.off('close', onClose)
  }
}

import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { countSilence, type SilenceCounter } from '../wire/silence.ts'
import type { HttpPeer } from './http-caller.ts'
import { infoPath } from './server-info.ts'

/**
 * A peer whose requests end when it is silent: while any is under way it is asked at every heartbeat, on a connection of its own, whether
 * it lives, unless it has said something since the last one. A host that is not there any more would hold a call or a stream for as long as the kernel likes. (Who serves
 * a stream says every five seconds that it lives, so that nobody who only watches needs a second connection.)
 */
export function watchPeer(peer: HttpPeer, heartbeatMs: number): HttpPeer {
  const underWay = new Map<ClientRequest, ClientRequest | IncomingMessage>()
  const questions = new Set<ClientRequest>()
  /** What each connection with a request under way had brought by the last heartbeat, bytes. */
  const brought = new WeakMap<Socket, number>()
  let silence: SilenceCounter | undefined
  /** Whether any of them has brought something since. */
  const hasSpoken = (): boolean => {
    let any = false
    for (const { socket } of underWay.values()) {
      // It may not be connected yet, or not be any more.
      if (socket === null) continue
      any ||= socket.bytesRead > (brought.get(socket) ?? 0)
      brought.set(socket, socket.bytesRead)
    }
    return any
  }
  const ask = (): void => {
    if (hasSpoken()) {
      silence?.heardLately()
      return
    }
    const question = peer.request({ method: 'GET', path: infoPath })
    questions.add(question)
    question.once('close', () => questions.delete(question))
    // No answer is what is counted.
    question.once('error', () => question.destroy())
    question.once('response', (answer) => {
      silence?.heard()
      answer.resume()
    })
    question.end()
  }
  const end = (seconds: number): void => {
    silence = undefined
    for (const each of [...underWay.values(), ...questions])
      each.destroy(new Error(`it said nothing for ${seconds} s`))
  }
  return {
    ...peer,
    request: (options) => {
      const request = peer.request(options)
      underWay.set(request, request)
      request.once('socket', (socket) => brought.set(socket, socket.bytesRead))
      request.once('response', (answer) => underWay.set(request, answer))
      silence ??= countSilence(heartbeatMs, ask, end)
      request.once('close', () => {
        underWay.delete(request)
        if (underWay.size > 0) return
        silence?.stop()
        silence = undefined
      })
      return request
    },
    close: () => {
      silence?.stop()
      peer.close()
    },
  }
}

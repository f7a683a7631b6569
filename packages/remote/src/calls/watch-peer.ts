import type { ClientRequest, IncomingMessage } from 'node:http'
import { countSilence, type SilenceCounter } from '../wire/silence.ts'
import type { HttpPeer } from './http-caller.ts'
import { infoPath } from './server-info.ts'

/**
 * A peer whose requests end when it is silent: while any is under way it is asked at every heartbeat, on a connection of its own, whether
 * it lives. A host that is not there any more would hold a call or a stream for as long as the kernel likes.
 */
export function watchPeer(peer: HttpPeer, heartbeatMs: number): HttpPeer {
  const underWay = new Map<ClientRequest, ClientRequest | IncomingMessage>()
  const questions = new Set<ClientRequest>()
  let silence: SilenceCounter | undefined
  const ask = (): void => {
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

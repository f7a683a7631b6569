import { NbError } from '@nb/contracts'

/** Bytes before each frame's payload: kind (1) and payload length (4, big endian). */
export const frameHeaderBytes = 5

/** The most payload bytes of a data frame. */
export const mostDataBytes: number = 2 ** 20

/** The most payload bytes of every other frame. */
const mostOtherBytes = 4096

/** What a frame of a data channel says. */
export const frameKinds = {
  /** Bytes of the stream. */
  data: 1,
  /** No more bytes from this end. */
  end: 2,
  /** The channel is broken; the payload is the reason in UTF-8. */
  abort: 3,
  /** The reader has taken so many more bytes (4, big endian); the writer may send as many. */
  credit: 4,
  /** Nothing but that this end is alive. */
  alive: 5,
} as const

/** The number of a kind of frame. */
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds]

/** The header of a frame. */
export function frameHeader(kind: FrameKind, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes)
  header.writeUInt8(kind, 0)
  header.writeUInt32BE(payloadBytes, 1)
  return header
}

/** A whole frame with a small payload. */
export function smallFrame(kind: FrameKind, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const fitting = payload.subarray(0, mostOtherBytes)
  return Buffer.concat([frameHeader(kind, fitting.length), fitting])
}

/** A frame that gives the writer room. */
export function creditFrame(bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(bytes)
  return smallFrame(frameKinds.credit, payload)
}

/** What a parser tells. Data comes in pieces as they arrive, without being put together. */
export interface FrameSink {
  readonly data: (piece: Uint8Array) => void
  readonly end: () => void
  readonly abort: (reason: string) => void
  readonly credit: (bytes: number) => void
}

/** Makes the push parser of a channel's frames. It throws `message-invalid` for bytes that are no frame, or too large a one. */
export function createFrameParser(sink: FrameSink): (bytes: Uint8Array) => void {
  /** Header and, but for data, payload of the frame that is arriving. */
  let held: Uint8Array = new Uint8Array(0)
  let dataLeft = 0

  const small = (kind: number, payload: Buffer): void => {
    if (kind === frameKinds.end) sink.end()
    else if (kind === frameKinds.abort) sink.abort(payload.toString('utf8'))
    else if (kind === frameKinds.credit && payload.length === 4) sink.credit(payload.readUInt32BE(0))
    else if (kind === frameKinds.alive && payload.length === 0) return
    else throw notAFrame(`kind ${kind} with ${payload.length} bytes`)
  }
  const takeHeld = (): boolean => {
    if (held.length < frameHeaderBytes) return false
    const frame = Buffer.from(held.buffer, held.byteOffset, held.length)
    const kind = frame.readUInt8(0)
    const length = frame.readUInt32BE(1)
    if (length > (kind === frameKinds.data ? mostDataBytes : mostOtherBytes))
      throw notAFrame(`kind ${kind} with ${length} bytes`)
    if (kind === frameKinds.data) {
      dataLeft = length
      held = held.subarray(frameHeaderBytes)
      return true
    }
    if (held.length < frameHeaderBytes + length) return false
    held = held.subarray(frameHeaderBytes + length)
    small(kind, frame.subarray(frameHeaderBytes, frameHeaderBytes + length))
    return true
  }
  const takeData = (): boolean => {
    const piece = held.subarray(0, dataLeft)
    if (piece.length === 0) return false
    held = held.subarray(piece.length)
    dataLeft -= piece.length
    sink.data(piece)
    return true
  }
  return (bytes) => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    while (dataLeft > 0 ? takeData() : takeHeld());
  }
}

function notAFrame(what: string): NbError {
  return new NbError('message-invalid', `what arrived on the data channel is no frame: ${what}`)
}

import type { SessionParameters } from './parameters.ts'

/** Which part of the data of a writing command goes without being asked for. */
export interface FirstBurst {
  /** Bytes that come with the command. */
  readonly immediateBytes: number
  /** Bytes that follow it at once. */
  readonly unsolicitedBytes: number
}

/** A part of a sequence, as one Data-Out PDU carries it. */
export interface DataPart {
  readonly offset: number
  readonly bytes: number
  readonly sequenceNumber: number
  readonly final: boolean
}

/** How much data may go before the first R2T (RFC 7143, 4.2.5.2 and 13.10–13.14). */
export function planFirstBurst(length: number, parameters: SessionParameters): FirstBurst {
  const { immediateData, initialR2T, firstBurstBytes, maxSendBytes } = parameters
  const immediateBytes = immediateData ? Math.min(length, firstBurstBytes, maxSendBytes) : 0
  const unsolicitedBytes = initialR2T ? 0 : Math.min(length, firstBurstBytes) - immediateBytes
  return { immediateBytes, unsolicitedBytes }
}

/** The PDUs of one sequence of data, each no longer than the target takes. */
export function* cutSequence(
  offset: number,
  bytes: number,
  maxSendBytes: number,
): Generator<DataPart, void, undefined> {
  for (let done = 0, sequenceNumber = 0; done < bytes; sequenceNumber++) {
    const part = Math.min(maxSendBytes, bytes - done)
    yield { offset: offset + done, bytes: part, sequenceNumber, final: done + part === bytes }
    done += part
  }
}

import { createConnection, type Socket } from 'node:net'
import { type CallOptions, type Clock, NbError, throwIfAborted } from '@nb/contracts'
import { digestBytes, headerBytes, paddingOf } from './basic-header.ts'
import { crc32c } from './crc32c.ts'
import { PduReceiver, type PduTaker } from './pdu-receiver.ts'
import type { IscsiPortal } from './portal.ts'

/** What a connection tells. */
export interface ConnectionListener extends PduTaker {
  /** There is room for more after `writable` was false. */
  readonly room: () => void
  /** It is over, for whatever reason but `destroy`. Told once. */
  readonly lost: (error: NbError) => void
}

/** Bytes that may wait for the network before `writable` is false. */
const mostQueuedBytes = 4 * 2 ** 20
/** Most data in one PDU to us before a login has agreed on anything else (RFC 7143, 13.12). */
const loginDataBytes = 8192

/** One TCP connection that carries PDUs. Reads straight into the places of data, writes without copying. */
export class IscsiConnection {
  readonly #socket: Socket
  readonly #receiver: PduReceiver
  readonly #listener: ConnectionListener
  #digests = { header: false, data: false }
  #queuedBytes = 0
  #corked = false
  #over = false

  /**
   * Connects; rejects with `scsi-transport-lost` when nobody answers there in time, or with the signal's reason.
   * No byte that the other side sends goes past the listener.
   */
  static connect(
    portal: IscsiPortal,
    listener: ConnectionListener,
    { clock, timeoutMs, signal }: { readonly clock: Clock; readonly timeoutMs: number } & CallOptions,
  ): Promise<IscsiConnection> {
    throwIfAborted({ ...(signal === undefined ? {} : { signal }) })
    return new Promise((resolve, reject) => {
      let connected = false
      const connection: IscsiConnection = new IscsiConnection(portal, listener, (error) => {
        if (connected) listener.lost(error)
        else end(() => reject(error))
      })
      const end = (settle: () => void): void => {
        cancelTimer()
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = (): void => {
        connection.destroy()
        end(() => reject(signal?.reason as Error))
      }
      const cancelTimer = clock.setTimer(timeoutMs, () => {
        connection.destroy()
        end(() =>
          reject(lost(`no answer from ${portal.host}:${portal.port} for ${timeoutMs} ms`, 'ETIMEDOUT')),
        )
      })
      signal?.addEventListener('abort', onAbort, { once: true })
      connection.#socket.once('connect', () => {
        connected = true
        end(() => resolve(connection))
      })
    })
  }

  private constructor(portal: IscsiPortal, listener: ConnectionListener, onLost: (error: NbError) => void) {
    this.#listener = listener
    this.#receiver = new PduReceiver(listener, {
      maxDataBytes: loginDataBytes,
      headerDigest: false,
      dataDigest: false,
    })
    const fail = (error: NbError): void => {
      if (this.#over) return
      this.destroy()
      onLost(error)
    }
    this.#socket = createConnection({
      host: portal.host,
      port: portal.port,
      noDelay: true,
      keepAlive: true,
      onread: {
        // Asked for the place of the next bytes before each read.
        buffer: () => this.#receiver.target,
        callback: (bytes) => {
          try {
            if (!this.#over) this.#receiver.filled(bytes)
          } catch (error) {
            fail(violation(error))
          }
          return !this.#over
        },
      },
    })
    const where = `${portal.host}:${portal.port}`
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(lost(`the connection to ${where} broke: ${error.message}`, error.code, error)),
    )
    this.#socket.on('close', () => fail(lost(`the connection to ${where} was closed`, 'ECONNRESET')))
    this.#socket.on('end', () => fail(lost(`${where} closed the connection`, 'ECONNRESET')))
  }

  /** What holds from the next PDU on, both ways. */
  agree(limits: {
    readonly maxDataBytes: number
    readonly headerDigest: boolean
    readonly dataDigest: boolean
  }): void {
    this.#digests = { header: limits.headerDigest, data: limits.dataDigest }
    this.#receiver.limits = limits
  }

  /** Whether more may be sent without piling up here. */
  get writable(): boolean {
    return this.#queuedBytes < mostQueuedBytes
  }

  /** Sends a PDU. The data must stay as they are until `sent` is called, which is never after the connection was lost. */
  send(header: Buffer, data?: Uint8Array, sent?: () => void): void {
    if (this.#over) return
    if (!this.#corked) {
      // All that is sent in one turn leaves in one system call.
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    const bytes = headerBytes + (data?.length ?? 0)
    const wasSent = (error?: Error | null): void => {
      if (this.#over || error != null) return
      const full = !this.writable
      this.#queuedBytes -= bytes
      sent?.()
      if (full && this.writable) this.#listener.room()
    }
    this.#queuedBytes += bytes
    const head = this.#digests.header ? withDigest(header) : header
    if (data === undefined || data.length === 0) this.#socket.write(head, wasSent)
    else {
      this.#socket.write(head)
      const tail = this.#tailOf(data)
      if (tail === undefined) this.#socket.write(data, wasSent)
      else {
        this.#socket.write(data)
        this.#socket.write(tail, wasSent)
      }
    }
  }

  /** Padding and digest, where there are any. */
  #tailOf(data: Uint8Array): Buffer | undefined {
    const padding = paddingOf(data.length)
    if (padding === 0 && !this.#digests.data) return undefined
    const tail = Buffer.alloc(padding + (this.#digests.data ? digestBytes : 0))
    if (this.#digests.data) tail.writeUInt32LE(crc32c(data, tail.subarray(0, padding)), padding)
    return tail
  }

  /** Ends it at once, and tells nobody. Idempotent. */
  destroy(): void {
    this.#over = true
    this.#socket.destroy()
  }
}

function withDigest(header: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(headerBytes + digestBytes)
  header.copy(whole)
  whole.writeUInt32LE(crc32c(header), headerBytes)
  return whole
}

/** The error of a connection that is not there (any more). */
export function lost(message: string, systemCode?: string, cause?: unknown): NbError {
  return new NbError('scsi-transport-lost', message, {
    details: systemCode === undefined ? {} : { systemCode },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** The error of a connection over which something came that may not; a refused login says itself what it is. */
function violation(error: unknown): NbError {
  if (error instanceof NbError && error.code !== 'message-invalid') return error
  const message = error instanceof Error ? error.message : String(error)
  return new NbError('scsi-transport-lost', `the connection was given up: ${message}`, {
    details: { reason: 'protocol' },
    cause: error,
  })
}

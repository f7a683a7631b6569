import type { Duplex } from 'node:stream'
import { countSilence } from '../wire/silence.ts'
import { frameKinds, smallFrame } from './frame.ts'

/**
 * Keeps a channel's connection known to be alive, however long there is no data, or however long the kernel would go on
 * sending into a network that is cut. `onSilence` is called once, with the seconds that the other side said nothing.
 */
export function keepAlive(
  connection: Duplex,
  heartbeatMs: number,
  onSilence: (seconds: number) => void,
): void {
  const alive = smallFrame(frameKinds.alive)
  const sayAlive = (): void => {
    // What is still on its way says it as well.
    if (connection.writableLength === 0 && !connection.writableEnded) connection.write(alive)
  }
  const silence = countSilence(heartbeatMs, sayAlive, onSilence)
  connection.on('data', silence.heard)
  connection.once('close', silence.stop)
}

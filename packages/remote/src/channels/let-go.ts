/** Smaller pieces may lie in memory that others have a part of. */
const leastBytes = 8192

/**
 * Gives back the memory of bytes that nobody will look at any more. A connection brings hundreds of MiB a second, a TLS record each in memory of its own: left
 * to the garbage collector, tens of MiB of them wait for it, and because of those it marks all that lives, over and over. What is given back at once is
 * in the processor's cache when it is used again, too.
 */
export function letGo({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < leastBytes || byteLength !== buffer.byteLength) return
  // Node.js 20 leaves it to the garbage collector.
  if (buffer instanceof ArrayBuffer) (buffer as Transferable).transfer?.(0)
}

interface Transferable extends ArrayBuffer {
  transfer?(byteLength: number): ArrayBuffer
}

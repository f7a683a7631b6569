/** The number after a 32-bit sequence number (RFC 7143, 4.2.2: serial number arithmetic of RFC 1982). */
export function after(number: number, steps = 1): number {
  return (number + steps) >>> 0
}

/** How far `to` is ahead of `from`; negative when it is behind. */
export function distance(from: number, to: number): number {
  return (to - from) | 0
}

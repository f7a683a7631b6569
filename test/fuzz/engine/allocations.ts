/** What buffers asked for since it began. */
export interface Allocations {
  readonly bytes: number
  stop(): void
}

let bytes = 0
let isInstalled = false

/** Counts the bytes that code asks for through `Buffer.alloc`, `allocUnsafe` and `allocUnsafeSlow`. One count at a time. */
export function watchAllocations(): Allocations {
  install()
  bytes = 0
  let counted: number | undefined
  return {
    get bytes() {
      return counted ?? bytes
    },
    stop: () => {
      counted ??= bytes
    },
  }
}

function install(): void {
  if (isInstalled) return
  isInstalled = true
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name].bind(Buffer)
    Buffer[name] = (size: number, ...rest: []) => {
      bytes += size
      return original(size, ...rest)
    }
  }
}

/** Memory that the kernel is told the address of; it is never moved. */
export interface SgMemory {
  readonly bytes: Uint8Array
  readonly address: bigint
}

/** An open device of the SCSI drivers. Errors are numbers: 0 means done, all others are an `errno`. */
export interface SgDevice {
  /** SG_IO: runs the request that lies at the beginning of the memory, and ends when the kernel has its end. One at a time. */
  execute(memory: SgMemory): Promise<number>
  /** SG_SCSI_RESET of the logical unit alone, also while a command is under way. */
  reset(): Promise<number>
  /** Lets go, once no call is under way. */
  close(): Promise<void>
}

/** The system calls that a transport makes. None of them blocks the event loop. */
export interface SgCalls {
  /** Memory of at least so many bytes. */
  allocate(sizeBytes: number): SgMemory
  /** Opens a device node and makes sure that it belongs to a SCSI driver. */
  open(path: string): Promise<{ readonly device: SgDevice } | { readonly errno: number }>
}
